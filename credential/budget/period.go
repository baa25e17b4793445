package budget

import (
	"fmt"
	"regexp"
	"time"
)

// Period is one year of a fund: when it may be spent and when its books close.
// Times are UTC, whole seconds. Opens <= Closes <= Settles.
type Period struct {
	ID      string    // for example "2027"; see [ValidID]
	Opens   time.Time // the first second in which an order may be made
	Closes  time.Time // the last second in which an order may be made
	Settles time.Time // the last second for returns and roll-overs
}

// Verify returns an error that names the member that is wrong.
func (p Period) Verify() error {
	switch {
	case !ValidID(p.ID):
		return fmt.Errorf("period id must be 1 to 32 of a-z, 0-9 and -")
	case !whole(p.Opens) || !whole(p.Closes) || !whole(p.Settles):
		return fmt.Errorf("period times must be whole seconds in UTC")
	case p.Closes.Before(p.Opens):
		return fmt.Errorf("period closes before it opens")
	case p.Settles.Before(p.Closes):
		return fmt.Errorf("period settles before it closes")
	}
	return nil
}

// Year returns the Kindpakket year that contains now: from 1 November to 31 October in Dutch local time, named after
// the year it ends in, with one month more for returns.
func Year(now time.Time, loc *time.Location) Period {
	local := now.In(loc)
	end := local.Year()
	if local.Month() >= time.November {
		end++
	}
	return Period{
		ID:      fmt.Sprintf("%d", end),
		Opens:   time.Date(end-1, time.November, 1, 0, 0, 0, 0, loc).UTC(),
		Closes:  time.Date(end, time.November, 1, 0, 0, -1, 0, loc).UTC(),
		Settles: time.Date(end, time.December, 1, 0, 0, -1, 0, loc).UTC(),
	}
}

func whole(t time.Time) bool {
	return !t.IsZero() && t.Nanosecond() == 0 && t.Location() == time.UTC
}

var idPattern = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// ValidID reports whether id may name a fund or a period: 1 to 32 of a-z, 0-9 and "-".
func ValidID(id string) bool { return idPattern.MatchString(id) }
