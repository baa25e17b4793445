package bolt_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
)

// A till's question and its answer, as the history of the race has them.
type (
	ask struct {
		till   int
		order  int
		amount budget.Cents // 0 asks the balance
	}
	told struct {
		err  error
		left budget.Cents
	}
)

// account is what an account may do, one step at a time: pay an order once, or say that too little is left.
type account struct {
	left budget.Cents
	paid string // the orders, as a set that compares
}

func model(start budget.Cents) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return account{left: start} },
		Step: func(state, input, output any) (bool, any) {
			a, in, out := state.(account), input.(ask), output.(told)
			mark := fmt.Sprintf("[%d]", in.order)
			switch {
			case in.amount == 0:
				return out.err == nil && out.left == a.left, a
			case out.err == nil && strings.Contains(a.paid, mark):
				return true, a // an exact retry is told the same
			case out.err == nil:
				a.left -= in.amount
				a.paid = insert(a.paid, mark)
				return a.left >= 0, a
			case errors.Is(out.err, ledger.TooLittleLeft):
				return in.amount > a.left && !strings.Contains(a.paid, mark), a
			}
			return false, a
		},
	}
}

// insert keeps the set sorted enough to compare: few orders are ever paid.
func insert(set, mark string) string {
	i := 0
	for i < len(set) {
		end := i
		for set[end] != ']' {
			end++
		}
		if set[i:end+1] > mark {
			break
		}
		i = end + 1
	}
	return set[:i] + mark + set[i:]
}

// race has 64 tills ask for an account's last euro, half of them one and the same order, and records what each was told.
func race(t *testing.T, w *ledgertest.World, l *bolt.Log, h ledgertest.Holder, amount func(till int) budget.Cents) []porcupine.Operation {
	t.Helper()
	const tills = 64
	var shared, own [tills]ledger.Command
	for i := range tills {
		if own[i] = w.Pay(h, "trapper", amount(i), "fiets"); i%2 == 1 {
			shared[i] = own[i-1]
		} else {
			shared[i] = own[i]
		}
	}
	history := make([][]porcupine.Operation, tills)
	begin := time.Now()
	gun := make(chan struct{})
	var all sync.WaitGroup
	for till := range tills {
		all.Go(func() {
			<-gun
			record := func(in ask, f func() told) {
				call := time.Since(begin).Nanoseconds()
				out := f()
				history[till] = append(history[till], porcupine.Operation{ClientId: till, Input: in, Call: call, Output: out, Return: time.Since(begin).Nanoseconds()})
			}
			order := till - till%2
			record(ask{till, order, amount(order)}, func() told {
				_, err := l.Append(t.Context(), shared[till])
				return told{err: err}
			})
			record(ask{till, order, amount(order)}, func() told { // the answer got lost: the till asks again
				_, err := l.Append(t.Context(), shared[till])
				return told{err: err}
			})
		})
	}
	close(gun)
	all.Wait()
	var out []porcupine.Operation
	for _, ops := range history {
		out = append(out, ops...)
	}
	left, err := l.Balance(t.Context(), h.Account)
	at := time.Since(begin).Nanoseconds()
	return append(out, porcupine.Operation{ClientId: tills, Input: ask{till: tills}, Call: at, Output: told{err, left}, Return: at + 1})
}

// TestB1LastEuro: two tills with a check and an insert, and no lock between them, overspent. Here 64 race for the last
// euro, and what they are told could have been said to one after the other.
func TestB1LastEuro(t *testing.T) {
	for name, amount := range map[string]func(int) budget.Cents{
		"one winner":    func(int) budget.Cents { return 100 },
		"three winners": func(int) budget.Cents { return 33 * 2 },
		"mixed baskets": func(till int) budget.Cents { return budget.Cents(50 + till) },
	} {
		t.Run(name, func(t *testing.T) {
			w := ledgertest.New(t)
			l := open(t, w, create(t, w))
			h := w.Fill(t, l, 100)
			if name == "three winners" {
				w.Append(t, l, w.TopUp(w.Sign(w.TopUpOrder(h, 100))))
			}
			start, err := l.Balance(t.Context(), h.Account)
			if err != nil {
				t.Fatal(err)
			}
			history := race(t, w, l, h, amount)
			if r := porcupine.CheckOperationsTimeout(model(start), history, 10*time.Second); r != porcupine.Ok {
				t.Errorf("the history is %s: no order of single steps explains what the tills were told", r)
			}
		})
	}
}

// TestModelNotices has the history's checker refuse what must not be: money spent twice, and a wrong refusal.
func TestModelNotices(t *testing.T) {
	pay := func(till int, err error) porcupine.Operation {
		return porcupine.Operation{ClientId: till, Input: ask{till, till, 100}, Call: 0, Output: told{err: err}, Return: 10}
	}
	for name, test := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"one winner":       {[]porcupine.Operation{pay(0, nil), pay(1, ledger.TooLittleLeft)}, true},
		"two winners":      {[]porcupine.Operation{pay(0, nil), pay(1, nil)}, false},
		"no winner":        {[]porcupine.Operation{pay(0, ledger.TooLittleLeft), pay(1, ledger.TooLittleLeft)}, false},
		"an error instead": {[]porcupine.Operation{pay(0, nil), pay(1, ledger.ErrUnavailable)}, false},
	} {
		if got := porcupine.CheckOperations(model(100), test.history); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}
