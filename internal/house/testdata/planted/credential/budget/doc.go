// Package budget is sound.
package budget

import (
	"crypto/rand"
	"net/url"
	"time"
)

// Day is a value of time, and looks at no clock.
const Day = 24 * time.Hour

// Parse reads text only.
func Parse(s string) (*url.URL, error) {
	rand.Read(nil)
	return url.Parse(s)
}

type clock struct{}

func (clock) Now() int { return 0 }

// Now of something else than package time is nobody's business.
var now = clock{}.Now()
