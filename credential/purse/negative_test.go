package purse

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// The prover of the tests must be a good one, or its forgeries prove nothing.
func TestCheatingProverIsBelievedWhenHonest(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	step := Step{Kind: Purchase, Amount: 400, Bind: bindOf("order")}
	if err := verify(m.Key(), Purchase, honest(h, p, step).prove(t, m.Key()), step.Bind, nil); err != nil {
		t.Fatal(err)
	}
	bought, _ := spend(t, m, h, p, step)
	opening, err := h.Open(p, step)
	if err != nil {
		t.Fatal(err)
	}
	back := Step{Kind: Return, Back: 10, Bind: bindOf("note"), Original: opening}
	c := opening.Commitment()
	if err := verify(m.Key(), Return, honest(h, bought, back).prove(t, m.Key()), back.Bind, &c); err != nil {
		t.Fatal(err)
	}
}

func TestMaliciousProvers(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	other := issue(t, m, testHolder(t, m.Key(), 2), idOf("2"), 1000)
	minus := func(n uint64) curve.Scalar {
		x := curve.Uint64Scalar(n)
		return *x.Neg(&x)
	}
	digits := func(c *cheat, n uint64) {
		for j := range c.digits {
			c.digits[j] = curve.Uint64Scalar(n >> j & 1)
		}
	}
	for name, c := range map[string]struct {
		cheat func(c *cheat)
		want  error
	}{
		// s = v + 1: there is no remainder of twenty bits.
		"spends a cent more, K' holds -1, digits of 2^20-1": {func(c *cheat) {
			c.s, c.rest = 1001, minus(1)
			digits(c, 1<<20-1)
		}, ErrChallenge},
		"spends a cent more, K' holds 0": {func(c *cheat) { c.s, c.rest = 1001, curve.Scalar{}; digits(c, 0) }, ErrChallenge},
		"keeps what it spends":           {func(c *cheat) { c.rest = cents(1000); digits(c, 1000) }, ErrChallenge},
		"digits right, K' holds more":    {func(c *cheat) { c.rest = cents(601) }, ErrChallenge},
		"K' right, digits hold more":     {func(c *cheat) { digits(c, 601) }, ErrChallenge},
		// The right sum with a digit that is no bit: 600 = … with -1 or 2 somewhere.
		"negative remainder, top digit -1": {func(c *cheat) {
			c.s = 1001
			c.rest = minus(1)
			digits(c, 1<<19-1)
			c.digits[19] = minus(1) // 2^19 - 1 - 2^19 = -1
		}, ErrChallenge},
		"digit 2 with the right sum": {func(c *cheat) {
			digits(c, 600-2)
			c.digits[0] = curve.Uint64Scalar(2) // 598 is even
		}, ErrChallenge},
		"digit -1 with the right sum": {func(c *cheat) {
			digits(c, 600+8)
			c.digits[3] = minus(1) // 608 has no 8
		}, ErrChallenge},
		"claims a larger balance": {func(c *cheat) { c.v = cents(2000); c.rest = cents(1600); digits(c, 1600) }, ErrPairing},
		"another holder":          {func(c *cheat) { c.h = curve.Uint64Scalar(7) }, ErrPairing},
		"another serial inside":   {func(c *cheat) { c.k = curve.Uint64Scalar(7); c.n = c.k }, ErrPairing},
		"another serial outside":  {func(c *cheat) { c.n = curve.Uint64Scalar(7) }, ErrChallenge},
		"another's answer":        {func(c *cheat) { c.answer = other.answer }, ErrPairing},
	} {
		step := Step{Kind: Purchase, Amount: 400, Bind: bindOf("order")}
		liar := honest(h, p, step)
		c.cheat(liar)
		if err := verify(m.Key(), Purchase, liar.prove(t, m.Key()), step.Bind, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// A proof holds for one statement only.
func TestSpendIsBoundToItsStatement(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	step := Step{Kind: Purchase, Amount: 400, Bind: bindOf("order")}
	made, err := h.Spend(newStream("x"), p, step)
	if err != nil {
		t.Fatal(err)
	}
	good := made.Bytes()
	next := testMint(t, Header{Origin: testHeader.Origin, Fund: testHeader.Fund, Period: "2028"}).Key()
	sameSecret, err := ParseMint(Header{Origin: testHeader.Origin, Fund: "sport", Period: "2027"}, m.Secret())
	if err != nil {
		t.Fatal(err)
	}
	amount := func(d int) []byte {
		b := append([]byte(nil), good...)
		b[7] += byte(d)
		return b
	}
	at := func(from, to, size int) []byte { // swaps two parts
		b := append([]byte(nil), good...)
		copy(b[from:from+size], good[to:to+size])
		copy(b[to:to+size], good[from:from+size])
		return b
	}
	const first = 8 + 32
	for name, err := range map[string]error{
		"another bind":                 verify(m.Key(), Purchase, good, bindOf("another"), nil),
		"a cent more":                  verify(m.Key(), Purchase, amount(1), step.Bind, nil),
		"a cent less":                  verify(m.Key(), Purchase, amount(-1), step.Bind, nil),
		"another mint":                 verify(next, Purchase, good, step.Bind, nil),
		"another header, the same key": verify(sameSecret.Key(), Purchase, good, step.Bind, nil),
		"V and Q swapped":              verify(m.Key(), Purchase, at(first+4*48, first+5*48, 48), step.Bind, nil),
		"Abar and Bbar swapped":        verify(m.Key(), Purchase, at(first, first+48, 48), step.Bind, nil),
	} {
		if !errors.Is(err, ErrChallenge) {
			t.Errorf("%s: got %v, want ErrChallenge", name, err)
		}
	}
	for name, kind := range map[string]Kind{"roll-over": RollOver, "top-up": TopUp} {
		if err := verify(m.Key(), kind, good, step.Bind, nil); !errors.Is(err, ErrAmount) {
			t.Errorf("purchase as %s: got %v, want ErrAmount", name, err)
		}
	}
	if err := verify(m.Key(), Return, good, step.Bind, nil); !errors.Is(err, ErrParse) {
		t.Errorf("purchase as return: got %v, want ErrParse", err)
	}
	if err := verify(m.Key(), Purchase, good, step.Bind, &Commitment{made.k}); !errors.Is(err, ErrParse) {
		t.Errorf("a purchase with an original: got %v, want ErrParse", err)
	}
	if err := verify(m.Key(), 0, good, step.Bind, nil); !errors.Is(err, ErrParse) {
		t.Errorf("no kind: got %v, want ErrParse", err)
	}
}

// Each of the six points in each way of being wrong, each scalar beyond the order, lengths.
func TestParseSpendRefuses(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	step := Step{Kind: Purchase, Amount: 400, Bind: bindOf("order")}
	bought, _ := spend(t, m, h, p, step)
	opening, err := h.Open(p, step)
	if err != nil {
		t.Fatal(err)
	}
	outside := curve.Point{}
	for i := byte(1); ; i++ {
		b := make([]byte, 48)
		b[0], b[47] = 0x80, i
		if q, err := curve.DecodePoint(b); err == nil && !q.IsInSubGroup() {
			outside = q
			break
		}
	}
	r := curve.Scalar{}
	r.SetUint64(1)
	minusOne := *r.Neg(&r)
	order := minusOne.Bytes()
	order[31]++ // r - 1 ends in 00, so this is r
	for _, step := range []Step{
		{Kind: Purchase, Amount: 4, Bind: bindOf("purchase")},
		{Kind: Return, Back: 4, Bind: bindOf("return"), Original: opening},
	} {
		made, err := h.Spend(newStream("x"), bought, step)
		if err != nil {
			t.Fatal(err)
		}
		good := made.Bytes()
		refused := func(what string, b []byte) {
			t.Helper()
			if _, err := ParseSpend(step.Kind, b); !errors.Is(err, ErrParse) {
				t.Errorf("%s, %s: got %v, want ErrParse", step.Kind, what, err)
			}
		}
		with := func(at int, part []byte) []byte {
			b := append([]byte(nil), good...)
			copy(b[at:], part)
			return b
		}
		for i := range 6 {
			at := 8 + 32 + i*48
			point := made.points()[i]
			twisted := *point
			twisted.Y.Neg(&twisted.Y)
			var shifted curve.Point
			shifted.Add(point, &outside)
			refused("identity", with(at, append([]byte{0xc0}, make([]byte, 47)...)))
			refused("flag of compression off", with(at, []byte{good[at] &^ 0x80}))
			refused("flag of identity on", with(at, []byte{good[at] | 0x40}))
			refused("outside the subgroup", with(at, pointBytes(shifted)))
			refused("x beyond the field", with(at, bytes.Repeat([]byte{0x9f}, 48)))
			off := 0
			for d := range byte(8) {
				if _, err := ParseSpend(step.Kind, with(at+47, []byte{good[at+47] ^ d})); errors.Is(err, ErrParse) {
					off++
				}
			}
			if off == 0 {
				t.Errorf("no point off the curve was refused")
			}
			// The other sign is a point of the group: it parses, and the challenge refuses it.
			c := opening.Commitment()
			original := &c
			if step.Kind != Return {
				original = nil
			}
			if err := verify(m.Key(), step.Kind, with(at, pointBytes(twisted)), step.Bind, original); !errors.Is(err, ErrChallenge) {
				t.Errorf("point %d negated: got %v, want ErrChallenge", i, err)
			}
		}
		refused("serial not below the order", with(8, order[:]))
		refused("serial zero", with(8, make([]byte, 32)))
		for at := 8 + 32 + 6*48; at < len(good); at += 32 {
			refused("scalar not below the order", with(at, order[:]))
		}
		refused("challenge zero", with(len(good)-32, make([]byte, 32)))
		refused("one byte short", good[:len(good)-1])
		refused("one byte long", append(append([]byte(nil), good...), 0))
		refused("empty", nil)
	}
}

// Whatever enters the challenge is needed there: a proof made without the item does not verify.
func TestEveryItemOfTheChallengeCounts(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	buy := Step{Kind: Purchase, Amount: 400, Bind: bindOf("order")}
	bought, _ := spend(t, m, h, p, buy)
	opening, err := h.Open(p, buy)
	if err != nil {
		t.Fatal(err)
	}
	c := opening.Commitment()
	for _, step := range []Step{
		{Kind: Purchase, Amount: 4, Bind: bindOf("purchase")},
		{Kind: Return, Back: 4, Bind: bindOf("return"), Original: opening},
	} {
		var original *Commitment
		items := []string{"dom", "s", "N", "Abar", "Bbar", "D", "K'", "V", "Q", "T1", "T2", "T3", "T4", "T5", "bind"}
		if step.Kind == Return {
			original = &c
			items = append(items, "K_orig", "T6", "tag")
		}
		for _, item := range items {
			weak := &omission{checks: map[string]bool{"hash:" + item: true}}
			liar := honest(h, bought, step)
			liar.omit = weak
			proof := liar.prove(t, m.Key())
			if err := verify(m.Key(), step.Kind, proof, step.Bind, original); !errors.Is(err, ErrChallenge) {
				t.Errorf("%s without %s: got %v, want ErrChallenge", step.Kind, item, err)
			}
			parsed, err := ParseSpend(step.Kind, proof)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.key.verifyChallenge(parsed, step.Bind[:], original, params(), weak); err != nil {
				t.Errorf("%s: a verifier that leaves %s out refuses too: %v", step.Kind, item, err)
			}
		}
	}
	// The two items that no forgery of the vectors needs: dom and s. A verifier without dom takes a proof made under
	// another header of the same mint key for one of this header's challenge.
	other, err := ParseMint(Header{Origin: "o", Fund: "f", Period: "p"}, m.Secret())
	if err != nil {
		t.Fatal(err)
	}
	step := Step{Kind: Purchase, Amount: 4, Bind: bindOf("purchase")}
	made, err := h.Spend(newStream("x"), bought, step)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.key.verifyChallenge(made, step.Bind[:], nil, params(), nil); !errors.Is(err, ErrChallenge) {
		t.Errorf("another header: got %v, want ErrChallenge", err)
	}
}

func TestReturnIsForItsHolderOnly(t *testing.T) {
	m := testMint(t, testHeader)
	buyer, friend := testHolder(t, m.Key(), 1), testHolder(t, m.Key(), 2)
	p := issue(t, m, buyer, idOf("1"), 1000)
	q := issue(t, m, friend, idOf("2"), 1000)
	buy := Step{Kind: Purchase, Amount: 400, Bind: bindOf("order")}
	second := Step{Kind: Purchase, Amount: 100, Bind: bindOf("second")}
	opening, err := buyer.Open(p, buy)
	if err != nil {
		t.Fatal(err)
	}
	afterFirst, _ := spend(t, m, buyer, p, buy)
	openingTwo, err := buyer.Open(afterFirst, second)
	if err != nil {
		t.Fatal(err)
	}
	purse, _ := spend(t, m, buyer, afterFirst, second)
	original := opening.Commitment()
	note := Step{Kind: Return, Back: 50, Bind: bindOf("note"), Original: opening}
	try := func(h *Holder, p Purse, change func(c *cheat, o *Opening)) error {
		o := *opening
		step := note
		step.Original = &o
		c := honest(h, p, step)
		change(c, &o)
		return verify(m.Key(), Return, c.prove(t, m.Key()), note.Bind, &original)
	}
	one := curve.Uint64Scalar(1)
	d := reissueSerial(row{n: p.k, k: opening.k, bind: buy.Bind})
	for name, err := range map[string]error{
		"a friend's purse, the buyer's opening":     try(friend, q, func(*cheat, *Opening) {}),
		"the opening of another row of the holder":  try(buyer, purse, func(c *cheat, o *Opening) { k := o.k; *o = *openingTwo; o.k = k }),
		"k_o with d added":                          try(buyer, purse, func(c *cheat, o *Opening) { o.kAt.Add(&o.kAt, &d) }),
		"k_o with one added":                        try(buyer, purse, func(c *cheat, o *Opening) { o.kAt.Add(&o.kAt, &one) }),
		"v_o with t added":                          try(buyer, purse, func(c *cheat, o *Opening) { o.v += 50 }),
		"w_o with one added":                        try(buyer, purse, func(c *cheat, o *Opening) { o.wAt.Add(&o.wAt, &one) }),
		"proved with another K'o than the ledger's": try(buyer, purse, func(c *cheat, o *Opening) { *o = *openingTwo }),
	} {
		if !errors.Is(err, ErrChallenge) {
			t.Errorf("%s: got %v, want ErrChallenge", name, err)
		}
	}
	if err := try(friend, q, func(c *cheat, o *Opening) { c.h = buyer.h }); !errors.Is(err, ErrPairing) {
		t.Errorf("a friend's purse with the buyer's holder secret: got %v, want ErrPairing", err)
	}
	made, err := buyer.Spend(newStream("x"), purse, note)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(m.Key(), Return, made.Bytes(), note.Bind, &original); err != nil {
		t.Errorf("the holder's own: %v", err)
	}
	if err := verify(m.Key(), Return, made.Bytes(), note.Bind, nil); !errors.Is(err, ErrParse) {
		t.Errorf("no original: got %v, want ErrParse", err)
	}
	if err := verify(m.Key(), Return, made.Bytes(), note.Bind, &Commitment{}); !errors.Is(err, ErrParse) {
		t.Errorf("original is the identity: got %v, want ErrParse", err)
	}
	if err := verify(m.Key(), RollOver, made.Bytes(), note.Bind, nil); !errors.Is(err, ErrParse) {
		t.Errorf("a return in the form of a roll-over: got %v, want ErrParse", err)
	}
	// A holder refuses to open somebody else's row.
	if _, err := friend.ParseOpening(opening.Bytes()); !errors.Is(err, ErrOriginal) {
		t.Errorf("another's opening: got %v, want ErrOriginal", err)
	}
	// Two lines of one seed may take back for each other (Section 5.1).
	line := issue(t, m, buyer, idOf("3"), 10)
	if made, err = buyer.Spend(newStream("y"), line, note); err != nil {
		t.Fatal(err)
	}
	if err := verify(m.Key(), Return, made.Bytes(), note.Bind, &original); err != nil {
		t.Errorf("another line of the same holder: %v", err)
	}
}

func TestMintRefuses(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	r, err := h.Request(newStream("x"), idOf("1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []budget.Cents{-1, 0, MaxBalance + 1} {
		if _, err := m.Issue(r, idOf("1"), v); !errors.Is(err, ErrRange) {
			t.Errorf("issuing %d: got %v, want ErrRange", v, err)
		}
	}
	if _, err := m.Issue(r, idOf("2"), 5); !errors.Is(err, ErrChallenge) {
		t.Errorf("another issue id: got %v, want ErrChallenge", err)
	}
	if _, err := m.Issue(Request{}, idOf("1"), 5); err == nil {
		t.Error("issued for the zero request")
	}
	if _, err := m.Issue(r, make([]byte, MinIssueID-1), 5); !errors.Is(err, ErrParse) {
		t.Errorf("short issue id: %v", err)
	}
	p := issue(t, m, h, idOf("1"), 1000)
	_, accepted := spend(t, m, h, p, Step{Kind: Purchase, Amount: 1, Bind: bindOf("o")})
	if _, err := m.Reissue(accepted, 1); !errors.Is(err, ErrAmount) {
		t.Errorf("value back with a purchase: got %v, want ErrAmount", err)
	}
	_, topUp := spend(t, m, h, p, Step{Kind: TopUp, Back: 7, Bind: bindOf("t")})
	for back, want := range map[budget.Cents]error{0: ErrAmount, -1: ErrRange, MaxBalance + 1: ErrRange} {
		if _, err := m.Reissue(topUp, back); !errors.Is(err, want) {
			t.Errorf("top-up of %d: got %v, want %v", back, err, want)
		}
	}
	other := testMint(t, Header{"o", "f", "p"})
	if _, err := other.Reissue(accepted, 0); !errors.Is(err, ErrMint) {
		t.Errorf("a spend of another mint: got %v, want ErrMint", err)
	}
	sameKey, err := ParseMint(Header{"o", "f", "p"}, m.Secret())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sameKey.Reissue(accepted, 0); !errors.Is(err, ErrMint) {
		t.Errorf("a spend under another header: got %v, want ErrMint", err)
	}
}

// A wallet refuses every answer that is not the one, and keeps its state.
func TestHolderRefusesAnswers(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	step := Step{Kind: TopUp, Back: 5, Bind: bindOf("order")}
	state, proof, err := h.Begin(newStream("x"), NewState(p), step)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseSpend(TopUp, proof)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := m.Key().Verify(parsed, step.Bind, nil)
	if err != nil {
		t.Fatal(err)
	}
	good, err := m.Reissue(accepted, 5)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(t budget.Cents, d curve.Scalar) curve.Point {
		g := params()
		return curve.Evaluate(curve.Sum([]*curve.Base{m.key.base, curve.FreshBases(parsed.k)[0], g.hv, g.hk},
			[]curve.Scalar{curve.Uint64Scalar(1), curve.Uint64Scalar(1), cents(t), d}))[0]
	}
	signed := func(m *Mint, b curve.Point) Answer {
		a, err := m.sign(b)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	second, err := NewMint(newStream("a second W"), testHeader)
	if err != nil {
		t.Fatal(err)
	}
	d := reissueSerial(accepted.row)
	before := state.Bytes()
	for name, answer := range map[string]Answer{
		"without d":                    signed(m, sum(5, curve.Scalar{})),
		"a cent more":                  signed(m, sum(6, d)),
		"a cent less":                  signed(m, sum(4, d)),
		"a second W for the header":    signed(second, sum(5, d)),
		"the identity":                 {e: good.e},
		"no e":                         {a: good.a},
		"the answer of the last purse": p.answer,
	} {
		after, opening, err := h.Finish(state, step.Bind, answer)
		if err == nil {
			t.Errorf("accepted an answer: %s", name)
		}
		if !bytes.Equal(after.Bytes(), before) || opening != nil {
			t.Errorf("%s: the state changed", name)
		}
	}
	after, _, err := h.Finish(state, step.Bind, good)
	if err != nil || after.Balance() != 1005 || len(after.Pending()) != 0 {
		t.Errorf("the right answer: %v", err)
	}
}

// A random source that is stuck gives the same proof for the same statement and unrelated ones for two statements: the
// nonces cannot be computed from two challenges.
func TestStuckRandomSource(t *testing.T) {
	m := testMint(t, testHeader)
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	nonces := func(step Step) *spendNonces {
		n, err := h.nonces(constant(0), h.statement(p, step))
		if err != nil {
			t.Fatal(err)
		}
		return drawSpend(n, step.Kind)
	}
	first := nonces(Step{Kind: Purchase, Amount: 4, Bind: bindOf("a")})
	seen := map[curve.Scalar]string{}
	note := func(name string, x *spendNonces) {
		all := append([]curve.Scalar{x.r1, x.r2, x.e, x.r1Tilde, x.r3, x.w, x.h, x.kNext, x.wNext, x.pV, x.pQ, x.pA, x.pD}, x.a[:]...)
		for _, s := range all {
			if had, ok := seen[s]; ok {
				t.Errorf("%s has a nonce of %s", name, had)
			}
			seen[s] = name
		}
	}
	note("the first", first)
	note("another order", nonces(Step{Kind: Purchase, Amount: 4, Bind: bindOf("b")}))
	note("another amount", nonces(Step{Kind: Purchase, Amount: 5, Bind: bindOf("a")}))
	if again := nonces(Step{Kind: Purchase, Amount: 4, Bind: bindOf("a")}); *again != *first {
		t.Error("the same statement and randomness gave other nonces")
	}
	q := p
	q.v++
	if n, err := h.nonces(constant(0), h.statement(q, Step{Kind: Purchase, Amount: 4, Bind: bindOf("a")})); err != nil {
		t.Fatal(err)
	} else {
		note("another balance", drawSpend(n, Purchase))
	}
	opening, err := h.Open(p, Step{Kind: Purchase, Amount: 4, Bind: bindOf("a")})
	if err != nil {
		t.Fatal(err)
	}
	note("a return", nonces(Step{Kind: Return, Back: 4, Bind: bindOf("a"), Original: opening}))
	if _, err := h.Spend(bytes.NewReader(make([]byte, 31)), p, Step{Kind: Purchase, Amount: 4, Bind: bindOf("a")}); err == nil {
		t.Error("proved with a random source that ended")
	}
}

func TestHeaders(t *testing.T) {
	for _, h := range []Header{{}, {"o", "f", ""}, {"", "f", "p"}, {"o", string(make([]byte, MaxName+1)), "p"}} {
		if _, err := NewMint(newStream("x"), h); !errors.Is(err, ErrParse) {
			t.Errorf("header of lengths %d %d %d: got %v, want ErrParse", len(h.Origin), len(h.Fund), len(h.Period), err)
		}
	}
	// The parts cannot run into each other.
	if bytes.Equal(Header{"ab", "c", "d"}.Bytes(), Header{"a", "bc", "d"}.Bytes()) {
		t.Error("two headers have one encoding")
	}
	m := testMint(t, testHeader)
	for name, b := range map[string][]byte{
		"identity": append([]byte{0xc0}, make([]byte, 95)...), "short": m.Key().Bytes()[:95],
		"uncompressed": func() []byte { b := m.Key().Bytes(); b[0] &^= 0x80; return b }(),
	} {
		if _, err := ParseKey(testHeader, b); !errors.Is(err, ErrParse) {
			t.Errorf("W %s: got %v, want ErrParse", name, err)
		}
	}
	for _, sk := range [][]byte{make([]byte, 32), bytes.Repeat([]byte{0xff}, 32), nil} {
		if _, err := ParseMint(testHeader, sk); !errors.Is(err, ErrParse) {
			t.Errorf("sk %x: got %v, want ErrParse", sk, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s", m, m, m, m); s != "[redacted] [redacted] [redacted] [redacted]" {
		t.Errorf("a mint prints as %s", s)
	}
}
