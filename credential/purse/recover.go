package purse

import (
	"errors"
	"fmt"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// Errors of [Holder.Recover].
var (
	// ErrForged is an alarm: the feed shows a row that only this wallet could have made, and it did not make it like
	// that. The wallet stops, keeps what it has, and tells its holder.
	ErrForged = errors.New("feed holds a row of this wallet that is not what it would have written")
	// ErrWaiting says that a spend of this wallet has no re-issue yet. Try again later.
	ErrWaiting = errors.New("a spend of this wallet is not answered yet")
)

// Feed is what a wallet downloads to recover: every row of its header, under a checkpoint it can trust
// (docs/spec/ledger-entry.md, Section 5). The order of the rows does not matter.
type Feed struct {
	Issues []IssueRow
	Spends []SpendRow
}

// IssueRow is an ISSUE entry on the feed. Either Box is set, or Amount and Answer are.
type IssueRow struct {
	Commitment Commitment // K0
	IssueID    []byte
	Box        []byte // sealed amount, answer and card; see [OpenBox]
	Amount     budget.Cents
	Answer     Answer
}

// SpendRow is a spend on the feed, joined with its re-issue.
type SpendRow struct {
	Serial     Serial
	Commitment Commitment   // K'
	Amount     budget.Cents // s
	Back       budget.Cents // t
	Bind       Bind
	Answer     *Answer // nil while the re-issue is missing
}

// Recovery is what a wallet knows again.
type Recovery struct {
	Purses   []Purse    // one for each ISSUE row of its own, in the order of those rows
	Cards    [][]byte   // beside each purse: the signature of its card, 80 bytes, or nil where the row had no box
	Openings []*Opening // one for each purchase of its own, walking one purse after the other
}

// Recover finds the purses of this seed on the feed (Section 9). The wallet then rolls each of them over, not in the
// same minute and not on the same connection.
//
// Recover returns [ErrForged] or [ErrWaiting] as said there. A seed the feed does not know recovers nothing, without an
// error.
func (h *Holder) Recover(feed Feed) (Recovery, error) {
	rows := make(map[Serial]*SpendRow, len(feed.Spends))
	double := make(map[Serial]bool)
	for i := range feed.Spends {
		row := &feed.Spends[i]
		if rows[row.Serial] != nil {
			double[row.Serial] = true
		}
		rows[row.Serial] = row
	}
	var out Recovery
	own := make(map[string]bool)
	for _, issue := range feed.Issues {
		if checkIssueID(issue.IssueID) != nil {
			continue // no id this wallet would have answered to
		}
		if k0 := h.firstCommitment(issue.IssueID); !k0.Equal(&issue.Commitment.point) {
			continue
		}
		if own[string(issue.IssueID)] {
			return Recovery{}, fmt.Errorf("recovering: second issue row of one id: %w", ErrForged)
		}
		own[string(issue.IssueID)] = true
		var card []byte
		if issue.Box != nil {
			var err error
			if issue.Amount, issue.Answer, card, err = OpenBox(h.BoxKey(issue.IssueID), issue.Box); err != nil {
				return Recovery{}, fmt.Errorf("recovering: %w: %w", ErrForged, err)
			}
		}
		p, err := h.Accept(issue.IssueID, issue.Amount, issue.Answer)
		if err != nil {
			return Recovery{}, fmt.Errorf("recovering: %w: %w", ErrForged, err)
		}
		p, openings, err := h.walk(p, rows, double)
		if err != nil {
			return Recovery{}, fmt.Errorf("recovering: %w", err)
		}
		out.Purses = append(out.Purses, p)
		out.Cards = append(out.Cards, card)
		out.Openings = append(out.Openings, openings...)
	}
	return out, nil
}

// walk follows p from row to row until its serial is not on the feed.
func (h *Holder) walk(p Purse, rows map[Serial]*SpendRow, double map[Serial]bool) (Purse, []*Opening, error) {
	var openings []*Opening
	for seen := make(map[Serial]bool); ; {
		n := p.Serial()
		row := rows[n]
		if row == nil {
			return p, openings, nil
		}
		if seen[n] || double[n] || row.Amount < 0 || row.Amount > p.v || row.Back < 0 || row.Back > MaxBalance ||
			row.Amount > 0 && row.Back > 0 || p.v-row.Amount+row.Back > MaxBalance {
			return Purse{}, nil, ErrForged
		}
		seen[n] = true
		opening := h.open(p, Step{Amount: row.Amount, Bind: row.Bind})
		if !opening.k.Equal(&row.Commitment.point) {
			return Purse{}, nil, ErrForged
		}
		if row.Answer == nil {
			return Purse{}, nil, ErrWaiting
		}
		if row.Amount > 0 {
			openings = append(openings, opening)
		}
		next, err := h.follow(p, opening, row.Back, *row.Answer)
		if err != nil {
			return Purse{}, nil, fmt.Errorf("%w: %w", ErrForged, err)
		}
		p = next
	}
}

// follow is the purse after the spend that o opens, if answer signs it.
func (h *Holder) follow(p Purse, o *Opening, back budget.Cents, answer Answer) (Purse, error) {
	d := reissueSerial(row{n: p.k, k: o.k, bind: o.bind})
	var k curve.Scalar
	k.Add(&o.kAt, &d)
	next := Purse{v: o.v + back, k: k, w: o.wAt, answer: answer}
	if err := h.checkPurse(next); err != nil {
		return Purse{}, err
	}
	return next, nil
}
