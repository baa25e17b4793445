package rule

import (
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
)

// EarlyBy is how far an order's issued_at may lie ahead of the ledger's clock.
const EarlyBy = 2 * time.Minute

// Decide says whether c may be appended to st at now (UTC, whole seconds), and what it changes. It returns a
// [*ledger.Refusal] if not.
func Decide(st State, c ledger.Command, now time.Time) (Outcome, error) {
	return Prepare(c).Decide(st, now)
}

// Prepared is a command together with the signature checks that were already made for it, so that they can be made in
// parallel before the one goroutine that appends: decide once against any recent state and throw the outcome away, then
// decide again against the newest. A Prepared belongs to one goroutine at a time.
type Prepared struct {
	Command ledger.Command
	checked map[[32]byte]error
	kb      *sdjwt.KB // of the one key binding that the command carries, once read and verified
}

// Prepare wraps c.
func Prepare(c ledger.Command) *Prepared {
	return &Prepared{Command: c, checked: map[[32]byte]error{}}
}

// check returns verify() under a name for exactly these inputs, from memory if it was made before.
func (p *Prepared) check(verify func() error, inputs ...string) error {
	name := sha256.Sum256([]byte(strings.Join(inputs, "\x00")))
	if err, ok := p.checked[name]; ok {
		return err
	}
	err := verify()
	p.checked[name] = err
	return err
}

// keyBinding verifies the command's key binding JWT under the command's own key.
func (p *Prepared) keyBinding(proof ledger.AccountProof) (sdjwt.KB, error) {
	err := p.check(func() error {
		kb, err := sdjwt.VerifyKeyBinding(proof.KBJWT, proof.JWK)
		p.kb = &kb
		return err
	}, "kb", proof.JWK.Thumbprint().String(), proof.KBJWT)
	if err != nil {
		return sdjwt.KB{}, err
	}
	return *p.kb, nil
}

// Decide is as the function Decide.
func (p *Prepared) Decide(st State, now time.Time) (Outcome, error) {
	d := decision{st: st, now: now.UTC(), p: p}
	var err error
	switch p.Command.Kind {
	case ledger.KindGenesis:
		err = decideStatement(&d, d.genesis)
	case ledger.KindFund:
		err = decideStatement(&d, d.fund)
	case ledger.KindShop:
		err = decideStatement(&d, d.shop)
	case ledger.KindIssue:
		err = decideStatement(&d, d.issue)
	case ledger.KindKeys:
		err = decideStatement(&d, d.keys)
	case ledger.KindBlock:
		err = decideStatement(&d, d.block)
	case ledger.KindPayout:
		err = decideStatement(&d, d.payout)
	case ledger.KindClose:
		err = decideStatement(&d, d.closeBooks)
	case ledger.KindSpend:
		err = d.spend()
	case ledger.KindReturn:
		err = d.returned()
	case ledger.KindTopUp:
		err = d.topUp()
	case ledger.KindState:
		err = d.state()
	default:
		err = ledger.Refuse(ledger.Malformed, "no such kind of entry")
	}
	if err != nil {
		return Outcome{}, err
	}
	return d.out, nil
}

// decision is one run of Decide.
type decision struct {
	st  State
	now time.Time
	p   *Prepared
	out Outcome
}

func (d *decision) set(key string, v any) { d.out.Changes = append(d.out.Changes, store(key, v)) }

// errRetry ends a decision that found an exact retry; decideStatement and the order kinds turn it into an Outcome.
var errRetry = errors.New("retry")

func (d *decision) retry(index uint64) error {
	d.out = Outcome{Retry: &index}
	return errRetry
}

func answered(err error) error {
	if err == errRetry {
		return nil
	}
	return err
}

// decideStatement does what all municipal statements have in common, then asks then for what is special.
func decideStatement[T ledger.Statement](d *decision, then func(T) error) error {
	body, err := ledger.ParseBody[ledger.SignedBody](d.p.Command)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "%v", err)
	}
	token, err := jose.Parse(body.JWS)
	if err != nil || token.Header.Type != ledger.StatementJWSType {
		return ledger.Refuse(ledger.Malformed, "jws is not a %s", ledger.StatementJWSType)
	}
	s, err := ledger.ParseStatement[T](token.Payload)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "statement: %v", err)
	}
	head := ledger.HeadOf(s)
	if head.Kind != d.p.Command.Kind {
		return ledger.Refuse(ledger.Malformed, "a %s statement in a %s entry", head.Kind, d.p.Command.Kind)
	}
	if head.Ledger != d.st.Origin() {
		return ledger.Refuse(ledger.WrongLedger, "")
	}
	jwsHash := ledger.Hash(sha256.Sum256([]byte(body.JWS)))
	var used idRecord
	if load(d.st, idKey(head.ID), &used) {
		if used.JWS == jwsHash {
			return answered(d.retry(used.Index))
		}
		return ledger.Refuse(ledger.OrderUsed, "the statement's id was used by another statement")
	}
	if err := d.municipal(s, token); err != nil {
		return err
	}
	if err := then(s); err != nil {
		return err
	}
	d.set(idKey(head.ID), idRecord{Index: d.st.Size(), JWS: jwsHash})
	return nil
}

// municipal checks a statement's signature against the municipality's recorded keys; a genesis brings its own.
func (d *decision) municipal(s ledger.Statement, token *jose.JWS) error {
	if g, ok := s.(ledger.Genesis); ok {
		return d.signedBy(g.Keys, token)
	}
	var g genesisRecord
	if !load(d.st, "genesis", &g) {
		return ledger.Refuse(ledger.WrongLedger, "the ledger has no genesis yet")
	}
	return d.signedBy(g.Keys, token)
}

func (d *decision) signedBy(keys []ledger.NamedKey, token *jose.JWS) error {
	for _, k := range keys {
		if k.KeyID != token.Header.KeyID {
			continue
		}
		if d.p.check(func() error { return token.Verify(k.JWK) }, "jws", k.JWK.Thumbprint().String(), token.String()) != nil {
			return ledger.Refuse(ledger.BadSignature, "")
		}
		return nil
	}
	return ledger.Refuse(ledger.BadSignature, "kid names no recorded key")
}

func (d *decision) genesis(g ledger.Genesis) error {
	if d.st.Size() != 0 {
		return ledger.Refuse(ledger.AlreadyIssued, "the ledger has its genesis")
	}
	d.set("genesis", genesisRecord{g.Municipality, g.Keys})
	return nil
}

func (d *decision) fund(f ledger.Fund) error {
	if d.st.Get(fundKey(f.Fund, f.Period)) != nil {
		return ledger.Refuse(ledger.AlreadyIssued, "the fund has this period")
	}
	when, err := f.When()
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "%v", err)
	}
	d.set(fundKey(f.Fund, f.Period), fundRecord{Period: when, Categories: f.Categories, Limits: f.Limits})
	return nil
}

func (d *decision) shop(s ledger.Shop) error {
	from, err := time.Parse(time.RFC3339, s.From)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "from is not a time")
	}
	d.set(shopKey(s.Shop), shopRecord{Keys: s.Keys, Categories: s.Categories, State: s.State, From: from.UTC()})
	return nil
}

// openFund returns the fund of a statement whose books are not closed.
func (d *decision) openFund(h ledger.Head) (fundRecord, error) {
	var f fundRecord
	if !load(d.st, fundKey(h.Fund, h.Period), &f) {
		return f, ledger.Refuse(ledger.UnknownFund, "")
	}
	if f.Closed {
		return f, ledger.Refuse(ledger.PeriodClosed, "the books are closed")
	}
	return f, nil
}

func (d *decision) issue(i ledger.Issue) error {
	f, err := d.openFund(i.Head)
	if err != nil {
		return err
	}
	if d.now.After(f.Period.Closes) {
		return ledger.Refuse(ledger.PeriodClosed, "")
	}
	if d.st.Get(accountKey(i.Account.ID)) != nil {
		return ledger.Refuse(ledger.AlreadyIssued, "the account is there already")
	}
	for _, t := range i.Account.Keys {
		if d.st.Get(keyKey(t)) != nil {
			return ledger.Refuse(ledger.AlreadyIssued, "a key belongs to an account already")
		}
		d.set(keyKey(t), keyRecord{Account: i.Account.ID})
	}
	d.set(accountKey(i.Account.ID), accountRecord{Fund: i.Fund, Period: i.Period, Balance: i.Amount, Keys: len(i.Account.Keys)})
	sums := Sums(d.st, i.Fund, i.Period)
	sums.Issued += i.Amount
	d.set(totalKey(i.Fund, i.Period), sums)
	return nil
}

// account returns the account of a statement or an order, which must belong to its fund and period.
func (d *decision) account(id, fund, period string) (accountRecord, error) {
	var a accountRecord
	if !load(d.st, accountKey(id), &a) || a.Fund != fund || a.Period != period {
		return a, ledger.Refuse(ledger.UnknownAccount, "")
	}
	return a, nil
}

func (d *decision) keys(k ledger.Keys) error {
	if _, err := d.openFund(k.Head); err != nil {
		return err
	}
	a, err := d.account(k.Account, k.Fund, k.Period)
	if err != nil {
		return err
	}
	for _, t := range k.Add {
		if d.st.Get(keyKey(t)) != nil {
			return ledger.Refuse(ledger.AlreadyIssued, "a key belongs to an account already")
		}
		d.set(keyKey(t), keyRecord{Account: k.Account})
	}
	for _, t := range k.Drop {
		var r keyRecord
		if !load(d.st, keyKey(t), &r) || r.Account != k.Account || r.Dropped {
			return ledger.Refuse(ledger.NotForYou, "a key to drop is not one of the account's")
		}
		r.Dropped = true
		d.set(keyKey(t), r)
	}
	if a.Keys += len(k.Add) - len(k.Drop); a.Keys > ledger.MaxAccountKeys {
		return ledger.Refuse(ledger.Malformed, "an account has at most %d keys", ledger.MaxAccountKeys)
	}
	d.set(accountKey(k.Account), a)
	return nil
}

func (d *decision) block(b ledger.Block) error {
	if _, err := d.openFund(b.Head); err != nil {
		return err
	}
	a, err := d.account(b.Account, b.Fund, b.Period)
	if err != nil {
		return err
	}
	a.Blocked = b.State == ledger.Blocked
	d.set(accountKey(b.Account), a)
	return nil
}

func (d *decision) payout(p ledger.Payout) error {
	var f fundRecord
	if !load(d.st, fundKey(p.Fund, p.Period), &f) {
		return ledger.Refuse(ledger.UnknownFund, "")
	}
	key := tillKey(p.Fund, p.Period, p.Shop)
	var till shopTotals
	if !load(d.st, key, &till) {
		return ledger.Refuse(ledger.OriginalUnknown, "the shop has no entries in this fund and period")
	}
	var first, last, paid rowRecord
	if !load(d.st, rowKey(p.First), &first) || !load(d.st, rowKey(p.Last), &last) ||
		!first.of(p.Shop, p.Fund, p.Period) || !last.of(p.Shop, p.Fund, p.Period) {
		return ledger.Refuse(ledger.OriginalUnknown, "first or last is no spend or return at this shop")
	}
	if till.Paid != nil {
		load(d.st, rowKey(*till.Paid), &paid)
	}
	// Each entry stands in exactly one payout: a payout begins where the last one ended.
	if till.Paid != nil && p.First <= *till.Paid {
		return ledger.Refuse(ledger.AlreadyPaidOut, "")
	}
	if (first.Before == nil) != (till.Paid == nil) || first.Before != nil && *first.Before != *till.Paid {
		return ledger.Refuse(ledger.Conservation, "first is not the first entry that was not paid")
	}
	if last.Net-paid.Net != p.Total || last.Count-paid.Count != p.Entries {
		return ledger.Refuse(ledger.Conservation, "total or entries is not what the ledger says")
	}
	till.Paid = &p.Last
	d.set(key, till)
	return nil
}

func (r rowRecord) of(shop, fund, period string) bool {
	return r.Shop == shop && r.Fund == fund && r.Period == period
}

func (d *decision) closeBooks(c ledger.Close) error {
	f, err := d.openFund(c.Head)
	if err != nil {
		return err
	}
	if !d.now.After(f.Period.Settles) {
		return ledger.Refuse(ledger.NotOpenYet, "the books close after the last day for returns")
	}
	t := Sums(d.st, c.Fund, c.Period)
	if c.Issued != t.Issued || c.ToppedUp != t.ToppedUp || c.Spent != t.Spent || c.Returned != t.Returned || c.Expired != t.Outstanding() {
		return ledger.Refuse(ledger.Conservation, "the totals are not what the ledger says")
	}
	f.Closed = true
	d.set(fundKey(c.Fund, c.Period), f)
	return nil
}

// state checks an entry that the ledger itself made. Engines refuse it from anybody else.
func (d *decision) state() error {
	b, err := ledger.ParseBody[ledger.StateBody](d.p.Command)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "%v", err)
	}
	digest, err := d.st.Digest()
	if err != nil {
		return err
	}
	if b.Rule != Version || !budget.Random128(b.Salt) || b.Digest != digest {
		return ledger.Refuse(ledger.Conservation, "the digest is not that of the state")
	}
	return nil
}
