package purse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"

	"pgregory.net/rapid"
)

// town is a ledger in a few lines: rows by serial, and what the holder is worth.
type town struct {
	mint *Mint
	feed Feed
	rows map[Serial]int
}

func newTown(m *Mint) *town { return &town{mint: m, rows: make(map[Serial]int)} }

// submit does what the ledger does with a proof: a retry gets the stored answer, a second use is refused.
func (l *town) submit(t testing.TB, p Pending, original *Commitment) (Answer, error) {
	t.Helper()
	spend, err := ParseSpend(p.Kind, p.Proof)
	if err != nil {
		return Answer{}, err
	}
	if at, ok := l.rows[spend.Serial()]; ok {
		if row := l.feed.Spends[at]; row.Bind == p.Bind && row.Commitment.Equal(spend.Commitment()) && row.Amount == spend.Amount() {
			return *row.Answer, nil
		}
		return Answer{}, errSpent
	}
	accepted, err := l.mint.Key().Verify(spend, p.Bind, original)
	if err != nil {
		return Answer{}, err
	}
	answer, err := l.mint.Reissue(accepted, p.Back)
	if err != nil {
		return Answer{}, err
	}
	l.rows[spend.Serial()] = len(l.feed.Spends)
	l.feed.Spends = append(l.feed.Spends, SpendRow{Serial: spend.Serial(), Commitment: spend.Commitment(), Amount: spend.Amount(), Back: p.Back, Bind: p.Bind, Answer: &answer})
	return answer, nil
}

var errSpent = errors.New("serial was spent")

// issue puts a first purse on the ledger, in a box.
func (l *town) issue(t testing.TB, h *Holder, id []byte, amount budget.Cents) Purse {
	t.Helper()
	p := issue(t, l.mint, h, id, amount)
	box, err := SealBox(h.BoxKey(id), amount, p.answer, bytes.Repeat([]byte{5}, CardSize))
	if err != nil {
		t.Fatal(err)
	}
	l.feed.Issues = append(l.feed.Issues, IssueRow{Commitment: Commitment{h.firstCommitment(id)}, IssueID: id, Box: box})
	return p
}

// A holder that is interrupted anywhere keeps its money. Each round begins a spend, and then proofs get lost, answers
// get lost, the phone restarts from what was written down, or a roll-over settles what happened; the balance is always
// what the ledger's rows say, and the words alone find the same purse.
func TestStateMachine(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	rapid.Check(t, func(rt *rapid.T) {
		l := newTown(m)
		state := NewState(l.issue(t, h, idOf("1"), 5000))
		worth := budget.Cents(5000)
		var bought []*Opening
		reload := func() {
			again, err := ParseState(state.Bytes())
			if err != nil {
				rt.Fatal(err)
			}
			state = again
		}
		for round := range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			step := Step{Kind: Purchase, Amount: budget.Cents(rapid.IntRange(1, 1500).Draw(rt, "amount")), Bind: bindOf("order %d", round)}
			var original *Commitment
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				step = Step{Kind: TopUp, Back: 10, Bind: step.Bind}
			case 1:
				if len(bought) > 0 {
					step = Step{Kind: Return, Back: 1, Bind: step.Bind, Original: bought[0]}
					c := bought[0].Commitment()
					original = &c
				}
			}
			next, proof, err := h.Begin(newStream("%d", round), state, step)
			if errors.Is(err, ErrTooLittle) && step.Amount > worth {
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			state = next
			if rapid.Bool().Draw(rt, "restart") {
				reload()
			}
			again, same, err := h.Begin(newStream("other randomness"), state, step)
			if err != nil || !bytes.Equal(same, proof) || !bytes.Equal(again.Bytes(), state.Bytes()) {
				rt.Fatal("a retry does not give the same bytes")
			}
			arrived := rapid.Bool().Draw(rt, "arrived")
			if arrived {
				if _, err := l.submit(t, state.Pending()[0], original); err != nil {
					rt.Fatal(err)
				}
			}
			settled := state.Pending()[0]
			if rapid.Bool().Draw(rt, "roll over") {
				// The wallet does not know whether it arrived.
				roll := Step{Kind: RollOver, Bind: bindOf("roll-over %x", state.Purse().Serial())}
				if state, _, err = h.Begin(newStream("roll"), state, roll); err != nil {
					rt.Fatal(err)
				}
				reload()
				_, err := l.submit(t, state.Pending()[1], nil)
				if arrived != errors.Is(err, errSpent) {
					rt.Fatalf("rolling over a purse that was spent (%v): %v", arrived, err)
				}
				if !arrived {
					settled = state.Pending()[1]
				}
			}
			answer, err := l.submit(t, settled, original)
			if err != nil {
				rt.Fatal(err)
			}
			var opening *Opening
			if state, opening, err = h.Finish(state, settled.Bind, answer); err != nil {
				rt.Fatal(err)
			}
			if opening != nil {
				bought = append(bought, opening)
			}
			worth += settled.Back - settled.Amount
			if state.Balance() != worth || len(state.Pending()) != 0 {
				rt.Fatal("the balance is not what the rows say")
			}
		}
		found, err := h.Recover(l.feed)
		if err != nil {
			rt.Fatal(err)
		}
		if len(found.Purses) != 1 || found.Purses[0] != state.Purse() || len(found.Openings) != len(bought) || len(found.Cards[0]) != CardSize {
			rt.Fatal("the words find something else")
		}
		for i := range bought {
			if *found.Openings[i] != *bought[i] {
				rt.Fatal("an opening differs")
			}
		}
	})
}

func TestBeginRefuses(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	state := NewState(issue(t, m, h, idOf("1"), 1000))
	opening, err := h.Open(state.Purse(), Step{Kind: Purchase, Amount: 1, Bind: bindOf("x")})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		step Step
		want error
	}{
		"more than there is":              {Step{Kind: Purchase, Amount: 1001}, ErrTooLittle},
		"nothing":                         {Step{Kind: Purchase}, ErrAmount},
		"less than nothing":               {Step{Kind: Purchase, Amount: -1}, ErrRange},
		"beyond every purse":              {Step{Kind: Purchase, Amount: MaxBalance + 1}, ErrRange},
		"a purchase with value back":      {Step{Kind: Purchase, Amount: 1, Back: 1}, ErrAmount},
		"a roll-over with an amount":      {Step{Kind: RollOver, Amount: 1}, ErrAmount},
		"a top-up of nothing":             {Step{Kind: TopUp}, ErrAmount},
		"a top-up beyond what fits":       {Step{Kind: TopUp, Back: MaxBalance - 999}, ErrTooMuch},
		"a return without its purchase":   {Step{Kind: Return, Back: 1}, ErrOriginal},
		"a roll-over with an opening":     {Step{Kind: RollOver, Original: opening}, ErrOriginal},
		"no kind":                         {Step{Amount: 1}, ErrParse},
		"a top-up that takes value along": {Step{Kind: TopUp, Amount: 1, Back: 1}, ErrAmount},
	} {
		after, proof, err := h.Begin(newStream("x"), state, c.step)
		if !errors.Is(err, c.want) || proof != nil || !bytes.Equal(after.Bytes(), state.Bytes()) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	full := Step{Kind: TopUp, Back: MaxBalance - 1000, Bind: bindOf("full")}
	if p, _ := spend(t, m, h, state.Purse(), full); p.Balance() != MaxBalance {
		t.Error("a purse cannot be filled to the brim")
	}

	told, serial := state.Tell()
	if serial != state.Purse().Serial() {
		t.Error("Tell tells another serial")
	}
	if _, _, err := h.Begin(newStream("x"), told, Step{Kind: Purchase, Amount: 1}); !errors.Is(err, ErrTold) {
		t.Errorf("a purchase after telling the serial: got %v, want ErrTold", err)
	}
	rolled, _, err := h.Begin(newStream("x"), told, Step{Kind: RollOver, Bind: bindOf("r")})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseState(rolled.Bytes()); err != nil || !again.told {
		t.Errorf("that a serial was told is forgotten: %v", err)
	}

	pending, _, err := h.Begin(newStream("x"), state, Step{Kind: Purchase, Amount: 1, Bind: bindOf("a")})
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]Step{
		"another order":              {Kind: Purchase, Amount: 1, Bind: bindOf("b")},
		"the order at another price": {Kind: Purchase, Amount: 2, Bind: bindOf("a")},
	} {
		if _, _, err := h.Begin(newStream("x"), pending, step); !errors.Is(err, ErrPending) {
			t.Errorf("%s: got %v, want ErrPending", name, err)
		}
	}
	if _, _, err := h.Finish(pending, bindOf("b"), state.purse.answer); !errors.Is(err, ErrNotPending) {
		t.Errorf("finishing what was not begun: got %v, want ErrNotPending", err)
	}
}

func TestRecoverRefusesForgedFeeds(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	l := newTown(m)
	state := NewState(l.issue(t, h, idOf("1"), 1000))
	for i := range 3 {
		step := Step{Kind: Purchase, Amount: 100, Bind: bindOf("order %d", i)}
		next, _, err := h.Begin(newStream("%d", i), state, step)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := l.submit(t, next.Pending()[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		if state, _, err = h.Finish(next, step.Bind, answer); err != nil {
			t.Fatal(err)
		}
	}
	stranger := testHolder(t, m.Key(), 2)
	if got, err := stranger.Recover(l.feed); err != nil || len(got.Purses) != 0 {
		t.Errorf("a stranger recovers %d purses, %v", len(got.Purses), err)
	}
	other := issue(t, m, stranger, idOf("2"), 1000)
	for name, c := range map[string]struct {
		change func(f *Feed)
		want   error
	}{
		"another K' in the middle":   {func(f *Feed) { f.Spends[1].Commitment = f.Spends[2].Commitment }, ErrForged},
		"another amount":             {func(f *Feed) { f.Spends[1].Amount++ }, ErrForged},
		"another bind":               {func(f *Feed) { f.Spends[1].Bind[0] ^= 1 }, ErrForged},
		"another answer":             {func(f *Feed) { f.Spends[1].Answer = &other.answer }, ErrForged},
		"value back with a purchase": {func(f *Feed) { f.Spends[1].Back = 5 }, ErrForged},
		"more than the purse held":   {func(f *Feed) { f.Spends[1].Amount = 901 }, ErrForged},
		"less than nothing":          {func(f *Feed) { f.Spends[1].Amount = -1 }, ErrForged},
		"a serial twice":             {func(f *Feed) { f.Spends = append(f.Spends, f.Spends[1]) }, ErrForged},
		"the issue twice":            {func(f *Feed) { f.Issues = append(f.Issues, f.Issues[0]) }, ErrForged},
		"a damaged box":              {func(f *Feed) { f.Issues[0].Box = append([]byte{1}, f.Issues[0].Box[1:]...) }, ErrForged},
		"no re-issue yet":            {func(f *Feed) { f.Spends[2].Answer = nil }, ErrWaiting},
		"an issue of another amount": {func(f *Feed) { f.Issues[0].Box = nil; f.Issues[0].Amount = 5; f.Issues[0].Answer = other.answer }, ErrForged},
		"an issue of too much": {func(f *Feed) {
			f.Issues[0].Box = nil
			f.Issues[0].Amount = MaxBalance + 1
			f.Issues[0].Answer = other.answer
		}, ErrForged},
		"an issue without its answer": {func(f *Feed) { f.Issues[0].Box = nil; f.Issues[0].Amount = 1000 }, ErrForged},
	} {
		f := Feed{Issues: append([]IssueRow(nil), l.feed.Issues...), Spends: append([]SpendRow(nil), l.feed.Spends...)}
		c.change(&f)
		if got, err := h.Recover(f); !errors.Is(err, c.want) || got.Purses != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if got, err := h.Recover(l.feed); err != nil || got.Purses[0] != state.Purse() {
		t.Errorf("the true feed: %v", err)
	}
	// A second ISSUE row, a fork or an old backup shares no serial with the first: secrets come from events.
	if issue(t, m, h, idOf("3"), 1000).Serial() == issue(t, m, h, idOf("4"), 1000).Serial() {
		t.Error("two issues of one seed have one serial")
	}
}

// Two phones on one seed make the same roll-over row, so that they do not fight.
func TestTwoPhonesRollOverAlike(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	l := newTown(m)
	p := l.issue(t, h, idOf("1"), 1000)
	roll := Step{Kind: RollOver, Bind: bindOf("roll-over of %x", p.Serial())}
	first, _, err := h.Begin(newStream("phone 1"), NewState(p), roll)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := h.Begin(newStream("phone 2"), NewState(p), roll)
	if err != nil {
		t.Fatal(err)
	}
	var purses []Purse
	for _, s := range []State{first, second} {
		answer, err := l.submit(t, s.Pending()[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		s, _, err = h.Finish(s, roll.Bind, answer)
		if err != nil {
			t.Fatal(err)
		}
		purses = append(purses, s.Purse())
	}
	if purses[0] != purses[1] || len(l.feed.Spends) != 1 {
		t.Error("two phones on one seed end up with two purses")
	}
}

func TestBox(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	card := bytes.Repeat([]byte{9}, CardSize)
	box, err := SealBox(h.BoxKey(idOf("1")), 1000, p.answer, card)
	if err != nil || len(box) != BoxSize {
		t.Fatal(err)
	}
	amount, answer, got, err := OpenBox(h.BoxKey(idOf("1")), box)
	if err != nil || amount != 1000 || answer != p.answer || !bytes.Equal(got, card) {
		t.Errorf("box: %v", err)
	}
	if h.BoxKey(idOf("1")) == h.BoxKey(idOf("2")) {
		t.Error("two issues have one box key")
	}
	for name, key := range map[string][32]byte{"another issue": h.BoxKey(idOf("2")), "another holder": testHolder(t, m.Key(), 2).BoxKey(idOf("1"))} {
		if _, _, _, err := OpenBox(key, box); !errors.Is(err, ErrParse) {
			t.Errorf("%s opens the box: %v", name, err)
		}
	}
	if _, err := SealBox([32]byte{}, 0, p.answer, card); !errors.Is(err, ErrRange) {
		t.Errorf("sealing nothing: %v", err)
	}
	if _, err := SealBox([32]byte{}, 1, p.answer, nil); !errors.Is(err, ErrParse) {
		t.Errorf("sealing no card: %v", err)
	}
	secret, blind := h.CardSecrets(idOf("1"))
	if !bytes.Equal(secret, h.h.Marshal()) || len(blind) != 32 || bytes.Equal(secret, blind) {
		t.Error("secrets of the card")
	}
}

func TestWords(t *testing.T) {
	words, err := NewWords(newStream("entropy"))
	if err != nil || len(strings.Fields(words)) != 12 {
		t.Fatalf("%d words, %v", len(strings.Fields(words)), err)
	}
	if _, err := ParseWords(words); err != nil {
		t.Error(err)
	}
	all := strings.Fields(words)
	all[0], all[1] = all[1], all[0]
	for _, wrong := range []string{"", strings.Join(all, " "), words + " abandon", "drie woorden maar"} {
		if _, err := ParseWords(wrong); !errors.Is(err, ErrParse) || wrong != "" && strings.Contains(err.Error(), wrong[:4]) {
			t.Errorf("wrong words: got %v, want ErrParse and no word", err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 424242)
	opening, err := h.Open(p, Step{Kind: Purchase, Amount: 1, Bind: bindOf("x")})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []any{m, h, h.seed, p, NewState(p), opening} {
		asJSON, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret)
		out := fmt.Sprintf("%v|%+v|%#v|%s|%x|%d|", secret, secret, secret, secret, secret, secret) + string(asJSON) + log.String()
		if n := strings.Count(out, "[redacted]"); n != 9 {
			t.Errorf("%T: %d of 9 ways of printing are redacted: %s", secret, n, out)
		}
	}
}

func FuzzParseSpend(f *testing.F) {
	v := readVectors(f, "testdata/vectors/purse-vectors.json")
	for i := range v.Spends {
		f.Add(uint8(Purchase), []byte(v.Spends[i].Proof))
		f.Add(uint8(Return), []byte(v.Spends[i].Proof))
		f.Add(uint8(RollOver), []byte(v.Spends[i].Proof))
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		p, err := ParseSpend(Kind(kind), b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Bytes(), b) {
			t.Fatal("written back otherwise than read")
		}
		amount, serial, commitment, err := Peek(b)
		if err != nil || amount != p.Amount() || serial != p.Serial() || !bytes.Equal(commitment[:], p.Commitment().Bytes()) {
			t.Fatal("Peek sees something else")
		}
	})
}

func FuzzParseSmallParts(f *testing.F) {
	v := readVectors(f, "testdata/vectors/purse-vectors.json")
	for i := range v.Issues {
		f.Add([]byte(v.Issues[i].Request))
		f.Add([]byte(v.Issues[i].Answer))
		f.Add([]byte(v.Issues[i].K0))
	}
	f.Add([]byte(v.Mints[0].W))
	f.Add([]byte(v.Mints[0].SK))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseRequest(b); err == nil && !bytes.Equal(p.Bytes(), b) {
			t.Fatal("request written back otherwise than read")
		}
		if p, err := ParseAnswer(b); err == nil && !bytes.Equal(p.Bytes(), b) {
			t.Fatal("answer written back otherwise than read")
		}
		if p, err := ParseCommitment(b); err == nil && !bytes.Equal(p.Bytes(), b) {
			t.Fatal("commitment written back otherwise than read")
		}
		if p, err := ParseKey(testHeader, b); err == nil && !bytes.Equal(p.Bytes(), b) {
			t.Fatal("key written back otherwise than read")
		}
		if p, err := ParseMint(testHeader, b); err == nil && !bytes.Equal(p.Secret(), b) {
			t.Fatal("mint written back otherwise than read")
		}
	})
}

func FuzzParseState(f *testing.F) {
	m := testMint(f, testHeader)
	h := testHolder(f, m.Key(), 1)
	state := NewState(issue(f, m, h, idOf("1"), 1000))
	f.Add(state.Bytes())
	state, _, err := h.Begin(newStream("x"), state, Step{Kind: Purchase, Amount: 5, Bind: bindOf("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state.Bytes())
	opening, err := h.Open(state.Purse(), Step{Kind: Purchase, Amount: 5, Bind: bindOf("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(opening.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseState(b); err == nil && !bytes.Equal(s.Bytes(), b) {
			t.Fatal("state written back otherwise than read")
		}
		if o, err := h.ParseOpening(b); err == nil && !bytes.Equal(o.Bytes(), b) {
			t.Fatal("opening written back otherwise than read")
		}
	})
}

func FuzzOpenBox(f *testing.F) {
	m := testMint(f, testHeader)
	p := issue(f, m, testHolder(f, m.Key(), 1), idOf("1"), 1000)
	box, err := SealBox([32]byte{1}, 1000, p.answer, make([]byte, CardSize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(box)
	f.Fuzz(func(t *testing.T, b []byte) {
		amount, answer, card, err := OpenBox([32]byte{1}, b)
		if err != nil {
			return
		}
		if again, err := SealBox([32]byte{1}, amount, answer, card); err != nil || !bytes.Equal(again, b) {
			t.Fatal("sealed otherwise than opened")
		}
	})
}

// Two accepted spends of one purse name one serial, whatever they are for: that is what the ledger refuses.
func TestDoubleSpendShowsOneSerial(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	_, first := spend(t, m, h, p, Step{Kind: Purchase, Amount: 1, Bind: bindOf("a")})
	_, second := spend(t, m, h, p, Step{Kind: Purchase, Amount: 999, Bind: bindOf("b")})
	if first.Serial() != second.Serial() || first.Commitment().Equal(second.Commitment()) {
		t.Error("two spends of one purse do not show that they are")
	}
	one := curve.Uint64Scalar(1)
	if first.Serial() == Serial(one.Bytes()) || first.Kind() != Purchase || first.Bind() != bindOf("a") || second.Amount() != 999 {
		t.Error("what was accepted is not what was made")
	}
}
