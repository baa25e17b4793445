package purse

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"

	"github.com/tyler-smith/go-bip39"
)

// hexBytes is a byte string in the vectors.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	var err error
	*h, err = hex.DecodeString(s)
	return err
}

func (h hexBytes) scalar() curve.Scalar {
	x, err := curve.ParseScalar(h)
	if err != nil {
		panic(err)
	}
	return x
}

type purseVector struct {
	V       budget.Cents
	K, W, H hexBytes
	A, E    hexBytes
}

func (p purseVector) purse(t *testing.T) Purse {
	t.Helper()
	answer, err := ParseAnswer(append(append([]byte(nil), p.A...), p.E...))
	if err != nil {
		t.Fatal(err)
	}
	return Purse{v: p.V, k: p.K.scalar(), w: p.W.scalar(), answer: answer}
}

type openingVector struct {
	N, K hexBytes
	V    budget.Cents `json:"v_o"`
	KO   hexBytes     `json:"k_o"`
	WO   hexBytes     `json:"w_o"`
}

type issueVector struct {
	Name, Mint, Wallet string
	IssueID            hexBytes `json:"issue_id"`
	V0                 budget.Cents
	Nonces             map[string]hexBytes
	K0, T, C, Request  hexBytes
	D0, B, Answer      hexBytes
	Purse              purseVector
}

type spendVector struct {
	Name, From, Mint, Wallet, Kind string
	S, T                           budget.Cents
	Bind                           hexBytes
	KNext                          hexBytes `json:"k_next"`
	WNext                          hexBytes `json:"w_next"`
	Nonces                         json.RawMessage
	B                              hexBytes
	Points                         map[string]hexBytes
	C, Proof, D                    hexBytes
	BNext                          hexBytes `json:"B_next"`
	Answer                         hexBytes
	Purse                          purseVector
	Original                       string
	KOrig                          hexBytes `json:"K_orig"`
	Opening                        *openingVector
	Responses                      map[string]hexBytes
}

type forgedVector struct {
	Row          string
	K, N         hexBytes
	IssueID      hexBytes `json:"issue_id"`
	V0, S, T     budget.Cents
	Bind, Answer hexBytes
}

type recoveryVector struct {
	Name, Mint string
	Seed       hexBytes
	Rows       []string
	Forged     []forgedVector
	Expect     []purseVector
	Openings   []openingVector
	Refused    string
}

type refusedVector struct {
	Name, What, Class, Why, Mint, Kind string
	Bind                               hexBytes
	KOrig                              *hexBytes `json:"K_orig"`
	Proof                              *hexBytes
	From                               string
	Edits                              []struct {
		At, Del int
		Hex     hexBytes
	}
	IssueID       hexBytes `json:"issue_id"`
	Request       hexBytes
	Expect        purseVector
	Answer        hexBytes
	PassesWithout string `json:"passes_without"`
}

type vectors struct {
	Format, Set string
	Params      struct {
		APIID          string `json:"api_id"`
		L              int
		P1, Q1         hexBytes
		Hv, Hk, Hr, Hh hexBytes
		G              []hexBytes
	}
	Mints []struct {
		Name                 string
		SK, W                hexBytes
		Origin, Fund, Period string
		Header, Dom          hexBytes
	}
	Wallets []struct {
		Name, Words, Passphrase string
		Seed, S                 hexBytes
	}
	Derivations []struct {
		Wallet, Mint string
		H            hexBytes
	}
	Issues     []issueVector
	Spends     []spendVector
	Recoveries []recoveryVector
	Refused    []refusedVector

	mints   map[string]*Mint
	seeds   map[string]Seed
	holders map[string]*Holder // by wallet and mint
	issues  map[string]*issueVector
	spends  map[string]*spendVector
}

// eachVectors calls test for every file in testdata/vectors. A file of somebody else's, dropped in there, is read too.
func eachVectors(t *testing.T, test func(t *testing.T, v *vectors)) {
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { test(t, readVectors(t, file)) })
	}
}

func readVectors(t testing.TB, file string) *vectors {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := &vectors{mints: map[string]*Mint{}, seeds: map[string]Seed{}, holders: map[string]*Holder{}, issues: map[string]*issueVector{}, spends: map[string]*spendVector{}}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	if v.Format != "kpb1-vectors-1" {
		t.Fatalf("format %q", v.Format)
	}
	for _, m := range v.Mints {
		mint, err := ParseMint(Header{m.Origin, m.Fund, m.Period}, m.SK)
		if err != nil {
			t.Fatal(err)
		}
		v.mints[m.Name] = mint
	}
	for _, w := range v.Wallets {
		v.seeds[w.Name] = Seed(w.Seed)
		for _, m := range v.Mints {
			v.holders[w.Name+m.Name] = NewHolder(Seed(w.Seed), v.mints[m.Name].Key())
		}
	}
	for i := range v.Issues {
		v.issues[v.Issues[i].Name] = &v.Issues[i]
	}
	for i := range v.Spends {
		v.spends[v.Spends[i].Name] = &v.Spends[i]
	}
	return v
}

// spent is the purse that the spend of that name spends.
func (v *vectors) spent(t *testing.T, s *spendVector) Purse {
	t.Helper()
	if issue := v.issues[s.From]; issue != nil {
		return issue.Purse.purse(t)
	}
	return v.spends[s.From].Purse.purse(t)
}

func kindOf(t *testing.T, s string) Kind {
	t.Helper()
	for _, k := range []Kind{Purchase, RollOver, Return, TopUp} {
		if k.String() == s {
			return k
		}
	}
	t.Fatalf("unknown kind %q", s)
	return 0
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %x, want %x", what, got, want)
	}
}

func pointBytes(p curve.Point) []byte { return curve.AppendPoint(nil, &p) }

func samePurse(t *testing.T, h *Holder, got Purse, want purseVector) {
	t.Helper()
	if got.v != want.V {
		t.Error("balance differs")
	}
	same(t, "k", got.k.Marshal(), want.K)
	same(t, "w", got.w.Marshal(), want.W)
	same(t, "h", h.h.Marshal(), want.H)
	same(t, "answer", got.answer.Bytes(), append(append([]byte(nil), want.A...), want.E...))
}

func TestVectorParams(t *testing.T) {
	eachVectors(t, func(t *testing.T, v *vectors) {
		g := params()
		same(t, "api_id", []byte(v.Params.APIID), []byte(apiID))
		if v.Params.L != Bits {
			t.Errorf("L is %d", v.Params.L)
		}
		same(t, "P1", pointBytes(g.p1), v.Params.P1)
		same(t, "Q1", pointBytes(g.q1), v.Params.Q1)
		for i, want := range append([]hexBytes{v.Params.Hv, v.Params.Hk, v.Params.Hr, v.Params.Hh}, v.Params.G...) {
			same(t, "generator", pointBytes(g.all[i]), want)
		}
		for _, m := range v.Mints {
			key := v.mints[m.Name].Key()
			same(t, "W", key.Bytes(), m.W)
			same(t, "secret", v.mints[m.Name].Secret(), m.SK)
			same(t, "header", key.Header().Bytes(), m.Header)
			same(t, "dom", key.dom.Marshal(), m.Dom)
			again, err := ParseKey(key.Header(), m.W)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "dom of the parsed key", again.dom.Marshal(), m.Dom)
		}
		for _, w := range v.Wallets {
			seed := Seed(bip39.NewSeed(w.Words, w.Passphrase))
			if w.Passphrase == "" {
				var err error
				if seed, err = ParseWords(w.Words); err != nil {
					t.Fatal(err)
				}
			}
			same(t, "seed", seed[:], w.Seed)
			same(t, "S", extract("KPB1", seed[:]), w.S)
		}
		for _, d := range v.Derivations {
			h := v.holders[d.Wallet+d.Mint]
			same(t, "h", h.h.Marshal(), d.H)
		}
	})
}

func TestVectorIssues(t *testing.T) {
	eachVectors(t, func(t *testing.T, v *vectors) {
		for _, i := range v.Issues {
			h, mint := v.holders[i.Wallet+i.Mint], v.mints[i.Mint]
			k0 := h.firstCommitment(i.IssueID)
			same(t, "K0", pointBytes(k0), i.K0)
			r := h.request(i.IssueID, k0, [3]curve.Scalar{i.Nonces["k~"].scalar(), i.Nonces["w~"].scalar(), i.Nonces["h~"].scalar()})
			same(t, "request", r.Bytes(), i.Request)
			same(t, "c", r.c.Marshal(), i.C)
			parsed, err := ParseRequest(i.Request)
			if err != nil {
				t.Fatal(err)
			}
			d0 := issueSerial(&k0, i.IssueID)
			same(t, "d0", d0.Marshal(), i.D0)
			b := mint.key.issued(k0, i.IssueID, i.V0)
			b.Add(mint.key.base, curve.Uint64Scalar(1))
			same(t, "B", pointBytes(curve.Evaluate(b)[0]), i.B)
			answer, err := mint.Issue(parsed, i.IssueID, i.V0)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "answer", answer.Bytes(), i.Answer)
			if err := mint.Key().CheckIssue(parsed.Commitment(), i.IssueID, i.V0, answer); err != nil {
				t.Error(err)
			}
			p, err := h.Accept(i.IssueID, i.V0, answer)
			if err != nil {
				t.Fatal(err)
			}
			samePurse(t, h, p, i.Purse)
		}
	})
}

// noncesOf reads the nonces of a spend.
func noncesOf(t *testing.T, s *spendVector) *spendNonces {
	t.Helper()
	var one map[string]json.RawMessage
	if err := json.Unmarshal(s.Nonces, &one); err != nil {
		t.Fatal(err)
	}
	read := func(name string) curve.Scalar {
		var h hexBytes
		if err := json.Unmarshal(one[name], &h); err != nil {
			t.Fatalf("nonce %s: %v", name, err)
		}
		return h.scalar()
	}
	x := &spendNonces{r1: read("r1"), r2: read("r2"), e: read("e~"), r1Tilde: read("r1~"), r3: read("r3~"), w: read("w~"), h: read("h~"),
		kNext: read("k_next~"), wNext: read("w_next~"), pV: read("pV"), pQ: read("pQ"), pA: read("pA"), pD: read("pD")}
	var a []hexBytes
	if err := json.Unmarshal(one["a"], &a); err != nil || len(a) != Bits {
		t.Fatal("nonces a_j")
	}
	for j := range a {
		x.a[j] = a[j].scalar()
	}
	if s.Kind == Return.String() {
		x.vo, x.ko, x.wo = read("v_o~"), read("k_o~"), read("w_o~")
	}
	return x
}

func TestVectorSpends(t *testing.T) {
	eachVectors(t, func(t *testing.T, v *vectors) {
		for i := range v.Spends {
			s := &v.Spends[i]
			t.Run(s.Name, func(t *testing.T) { v.testSpend(t, s) })
		}
	})
}

func (v *vectors) testSpend(t *testing.T, s *spendVector) {
	h, mint, p := v.holders[s.Wallet+s.Mint], v.mints[s.Mint], v.spent(t, s)
	step := Step{Kind: kindOf(t, s.Kind), Amount: s.S, Back: s.T, Bind: Bind(s.Bind)}
	var original *Commitment
	if step.Kind == Return {
		bought := v.spends[s.Original]
		var err error
		step.Original, err = h.Open(v.spent(t, bought), Step{Kind: Purchase, Amount: bought.S, Bind: Bind(bought.Bind)})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "K'o", step.Original.Commitment().Bytes(), s.KOrig)
		same(t, "k_o", step.Original.kAt.Marshal(), s.Opening.KO)
		same(t, "w_o", step.Original.wAt.Marshal(), s.Opening.WO)
		c, err := ParseCommitment(s.KOrig)
		if err != nil {
			t.Fatal(err)
		}
		original = &c
		again, err := h.ParseOpening(step.Original.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		step.Original = again
	}
	kNext, wNext := h.next(p.Serial(), uint64(s.S), Bind(s.Bind))
	same(t, "k'", kNext.Marshal(), s.KNext)
	same(t, "w'", wNext.Marshal(), s.WNext)

	if err := step.check(p); err != nil {
		t.Fatal(err)
	}
	made := h.prove(p, step, noncesOf(t, s))
	same(t, "proof", made.Bytes(), s.Proof)
	for i, name := range []string{"Abar", "Bbar", "D", "K_next", "V", "Q"} {
		same(t, name, pointBytes(*made.points()[i]), s.Points[name])
	}
	same(t, "c", made.c.Marshal(), s.C)

	parsed, err := ParseSpend(step.Kind, s.Proof)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "proof written back", parsed.Bytes(), s.Proof)
	for i, p := range curve.Evaluate(mint.key.recompute(parsed, original, params())...) {
		name := []string{"T1", "T2", "T3", "T4", "T5", "T6"}[i]
		same(t, name, pointBytes(p), s.Points[name])
	}
	accepted, err := mint.Key().Verify(parsed, step.Bind, original)
	if err != nil {
		t.Fatal(err)
	}
	d := reissueSerial(accepted.row)
	same(t, "d", d.Marshal(), s.D)
	b := reissued(accepted.row, s.T)
	b.Add(mint.key.base, curve.Uint64Scalar(1))
	same(t, "B'", pointBytes(curve.Evaluate(b)[0]), s.BNext)
	answer, err := mint.Reissue(accepted, s.T)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "answer", answer.Bytes(), s.Answer)
	if err := mint.Key().CheckReissue(accepted, s.T, answer); err != nil {
		t.Error(err)
	}
	next, err := h.Next(p, step, answer)
	if err != nil {
		t.Fatal(err)
	}
	samePurse(t, h, next, s.Purse)
}

func (v *vectors) feed(t *testing.T, r recoveryVector) Feed {
	t.Helper()
	var f Feed
	issue := func(k, id hexBytes, v0 budget.Cents, answer hexBytes) {
		c, err := ParseCommitment(k)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ParseAnswer(answer)
		if err != nil {
			t.Fatal(err)
		}
		f.Issues = append(f.Issues, IssueRow{Commitment: c, IssueID: id, Amount: v0, Answer: a})
	}
	spend := func(n, k hexBytes, s, back budget.Cents, bind, answer hexBytes) {
		c, err := ParseCommitment(k)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ParseAnswer(answer)
		if err != nil {
			t.Fatal(err)
		}
		f.Spends = append(f.Spends, SpendRow{Serial: Serial(n), Commitment: c, Amount: s, Back: back, Bind: Bind(bind), Answer: &a})
	}
	for _, name := range r.Rows {
		if i := v.issues[name]; i != nil {
			issue(i.K0, i.IssueID, i.V0, i.Answer)
			continue
		}
		s := v.spends[name]
		n := v.spent(t, s).Serial()
		spend(n[:], s.Points["K_next"], s.S, s.T, s.Bind, s.Answer)
	}
	for _, g := range r.Forged {
		if g.Row == "issue" {
			issue(g.K, g.IssueID, g.V0, g.Answer)
		} else {
			spend(g.N, g.K, g.S, g.T, g.Bind, g.Answer)
		}
	}
	return f
}

func TestVectorRecoveries(t *testing.T) {
	eachVectors(t, func(t *testing.T, v *vectors) {
		for _, r := range v.Recoveries {
			t.Run(r.Name, func(t *testing.T) {
				h := NewHolder(Seed(r.Seed), v.mints[r.Mint].Key())
				got, err := h.Recover(v.feed(t, r))
				if r.Refused != "" {
					if !errors.Is(err, ErrForged) {
						t.Fatalf("got %v, want ErrForged", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Purses) != len(r.Expect) || len(got.Openings) != len(r.Openings) {
					t.Fatalf("got %d purses and %d openings, want %d and %d", len(got.Purses), len(got.Openings), len(r.Expect), len(r.Openings))
				}
				for i, p := range got.Purses {
					samePurse(t, h, p, r.Expect[i])
				}
				for i, o := range got.Openings {
					want := r.Openings[i]
					same(t, "N", o.n.Marshal(), want.N)
					same(t, "K'", pointBytes(o.k), want.K)
					same(t, "k_o", o.kAt.Marshal(), want.KO)
					same(t, "w_o", o.wAt.Marshal(), want.WO)
					if o.v != want.V {
						t.Error("v_o differs")
					}
				}
			})
		}
	})
}

func TestVectorFileIsTheOneOfTheSpecification(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors/purse-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(func() []byte { s := sha256.Sum256(b); return s[:] }()); got != vectorsDigest {
		t.Errorf("SHA-256 of purse-vectors.json is %s", got)
	}
}

// vectorsDigest is named in docs/spec/purse.md.
const vectorsDigest = "b404cff15b9bbd5d9fb1593b65033cb12eb9295dda18c9e433732806ca01a9b2"
