package issuer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/status"
	"kindpakket/issuer"
	"kindpakket/ledger"
)

// TestCard goes the whole way of a letter: metadata, token, nonce, credential; one copy for each key.
func TestCard(t *testing.T) {
	h := newHouse(t)
	h.families()
	meta, err := oid4vci.ParseIssuerMetadata([]byte(h.do("GET", oid4vci.WellKnownIssuer, "", "", nil).body), h.url)
	h.must(err)
	if meta.CredentialEndpoint != h.url+"/credential" || meta.Batch.Size != issuer.BatchSize {
		t.Errorf("metadata: got %+v", meta)
	}
	if _, err := oid4vci.ParseServerMetadata([]byte(h.do("GET", oid4vci.WellKnownServer, "", "", nil).body), h.url); err != nil {
		t.Error(err)
	}
	p := h.enrolled(client, 5)
	seen := map[int]bool{}
	for n, k := range p.keys {
		v := p.verified(n)
		ref, err := status.FromClaims(v.Claims)
		h.must(err)
		if !v.Holder.Equal(k.Public()) || seen[ref.Index] || p.statusOf(n) != status.Valid {
			t.Errorf("copy %d: bound to its key %v, its index given twice %v", n, v.Holder.Equal(k.Public()), seen[ref.Index])
		}
		seen[ref.Index] = true
		if fmt.Sprintf("%v %v", v.Claims["children"], v.Claims["amount"]) != "2 60000" {
			t.Errorf("copy %d: got %v children, %v cents", n, v.Claims["children"], v.Claims["amount"])
		}
		if v.IssuedAt.Unix() != h.Period.Opens.Unix() || v.Expires.Unix() != h.Period.Closes.Unix() {
			t.Errorf("copy %d: its times are not those of the period", n)
		}
	}
	if a := h.accounts(); len(a) != 1 || h.balance(a[0]) != 60000 {
		t.Fatalf("on the ledger: %d accounts", len(a))
	}
	h.enrol("trapper", ibanOne)
	h.paid(p, "trapper", 2000, "fiets")
}

// TestCardOfOneBudget: one entitlement, one budget. However many letters, tokens and phones: one wins.
func TestCardOfOneBudget(t *testing.T) {
	h := newHouse(t)
	h.families()
	var phones []*phone
	for range 6 { // each letter kills the one before, but not the token that was got by it
		phones = append(phones, h.phone(2).login(h.offer(client)))
	}
	wantOAuth(t, "a token of an older letter", phones[0].ask(), 400, oid4vci.CredentialRequestDenied)
	newest := phones[5]
	rival := h.phone(2)
	rival.token = newest.token // the same token, with other keys, at the same time
	bodies := map[*phone][]byte{newest: newest.request(h.nonce(), h.url), rival: rival.request(h.nonce(), h.url)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	won := 0
	for p, body := range bodies {
		for range 4 {
			wg.Go(func() {
				_, err := h.issuer.Credential(t.Context(), string(p.token), body)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
					newest = p
				} else if e, ok := err.(*oid4vci.Error); !ok || e.Code != oid4vci.CredentialRequestDenied && e.Code != oid4vci.InvalidNonce {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	wg.Wait()
	if won == 0 || len(h.accounts()) != 1 {
		t.Fatalf("%d answers and %d budgets, want 1 budget", won, len(h.accounts()))
	}
	loser := phones[5]
	if newest == loser {
		loser = rival
	}
	wantOAuth(t, "the other keys", loser.ask(), 400, oid4vci.CredentialRequestDenied)
	if _, err := h.issuer.OfferFamily(client, issuer.ByValue); err != issuer.ErrHasCard {
		t.Errorf("another letter: got %v", err)
	}
	if h.balance(h.accounts()[0]) != 60000 {
		t.Error("the budget is not the family's")
	}
}

// TestCardTwoTokens: two tokens of two letters race; only the newest letter's may win.
func TestCardTwoTokens(t *testing.T) {
	h := newHouse(t)
	h.families()
	one := h.phone(1).login(h.offer(client))
	two := h.phone(1).login(h.offer(client))
	bodies := [][]byte{one.request(h.nonce(), h.url), two.request(h.nonce(), h.url)}
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for n, p := range []*phone{one, two} {
		wg.Go(func() { _, errs[n] = h.issuer.Credential(t.Context(), string(p.token), bodies[n]) })
	}
	wg.Wait()
	if errs[0] == nil || errs[1] != nil || len(h.accounts()) != 1 {
		t.Errorf("got %v and %v, %d budgets", errs[0], errs[1], len(h.accounts()))
	}
}

// TestCardAgain: the same request again gets the same bytes, and so does one for the same keys with a new nonce.
func TestCardAgain(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.phone(3).login(h.offer(client))
	first := p.ask()
	p.take(first)
	body := p.body
	if again := p.again(); again.body != first.body || again.code != 200 {
		t.Errorf("the same request: got %d %.200s", again.code, again.body)
	}
	if again := p.ask(); again.body != first.body {
		t.Errorf("with a new nonce: got %d %.200s", again.code, again.body)
	}
	// What was answered is answered again, whatever the ledger does by then.
	h.log.set(down)
	wantErr(t, "a block that waits", h.issuer.Block(t.Context(), client, ledger.Blocked, "x"), ledger.ErrUnavailable)
	p.body = body
	if again := p.again(); again.body != first.body {
		t.Errorf("while the ledger is down: got %d %.200s", again.code, again.body)
	}
	h.log.set(nil)
	p.keys = p.keys[:2]
	wantOAuth(t, "for fewer keys", p.ask(), 400, oid4vci.CredentialRequestDenied)
	if n := len(h.entries(ledger.KindIssue)); n != 1 {
		t.Errorf("%d budgets", n)
	}
}

// TestCardCrash: the process dies between any two steps; afterwards the same request has its card, and the money is on the
// ledger once.
func TestCardCrash(t *testing.T) {
	for name, f := range map[string]fault{"before the ledger has it": down, "before its answer comes": lost} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.families()
			p := h.phone(2).login(h.offer(client))
			h.log.set(f)
			if a := p.ask(); a.code != http.StatusServiceUnavailable {
				t.Fatalf("got %d %s", a.code, a.body)
			}
			// A second phone must not be told anything final either.
			if h.issuer.Waiting() != 1 {
				t.Fatalf("%d parcels wait", h.issuer.Waiting())
			}
			h.log.set(nil)
			h.restart()
			p.take(p.again())
			if a := h.accounts(); len(a) != 1 || h.balance(a[0]) != 60000 || h.issuer.Waiting() != 0 {
				t.Errorf("%d budgets, %d parcels", len(a), h.issuer.Waiting())
			}
		})
	}
	t.Run("before the card is made", func(t *testing.T) {
		h := newHouse(t)
		h.families()
		p := h.phone(1).login(h.offer(client))
		h.log.set(lost)
		p.ask()
		h.log.set(nil)
		// Without a restart: the request itself settles what waits.
		p.take(p.again())
		if n := len(h.accounts()); n != 1 {
			t.Errorf("%d budgets", n)
		}
	})
}

// TestCardOfTwoDeliveries: Resume holds a parcel while its request delivers it too, and gets its answer late. It is booked
// once: booked again it would take the copies that were made meanwhile for an old phone's.
func TestCardOfTwoDeliveries(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.phone(2).login(h.offer(client))
	h.log.set(down)
	p.ask()
	held, late, done := make(chan struct{}), make(chan struct{}), make(chan error)
	h.log.set(func(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
		close(held)
		<-late
		return next()
	})
	go func() { done <- h.issuer.Resume(context.Background(), 0) }()
	<-held
	h.log.set(nil)
	p.take(p.again())
	close(late)
	h.must(<-done)
	if p.statusOf(0) != status.Valid || p.statusOf(1) != status.Valid {
		t.Error("the answer was booked twice: the card is revoked")
	}
	if h.issuer.Waiting() != 0 || len(h.accounts()) != 1 {
		t.Errorf("%d parcels, %d budgets", h.issuer.Waiting(), len(h.accounts()))
	}
}

// TestResumeStuck: a parcel whose answer cannot be believed holds up nobody else's.
func TestResumeStuck(t *testing.T) {
	h := newHouse(t)
	h.families()
	one, two := h.phone(1).login(h.offer(client)), h.phone(1).login(h.offer(other))
	h.log.set(down)
	one.ask()
	two.ask()
	first := true
	h.log.set(func(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
		if first {
			first = false
			return ledger.Receipt{}, nil // no receipt at all
		}
		return next()
	})
	if err := h.issuer.Resume(t.Context(), 0); err == nil {
		t.Error("an empty receipt was believed")
	}
	if h.issuer.Waiting() != 1 || len(h.accounts()) != 1 {
		t.Errorf("%d parcels wait, %d budgets", h.issuer.Waiting(), len(h.accounts()))
	}
	h.log.set(nil)
	one.take(one.again())
	two.take(two.again())
}

// TestResumeLeavesWhatIsUnderWay: Resume must not take a parcel from under a request.
func TestResumeLeavesWhatIsUnderWay(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.log.set(down)
	h.phone(1).login(h.offer(client)).ask()
	h.log.set(nil)
	asked := h.log.asked
	h.must(h.issuer.Resume(t.Context(), issuer.ResumeAfter))
	if h.log.asked != asked || h.issuer.Waiting() != 1 {
		t.Error("a young parcel was sent")
	}
	h.Clock = h.Clock.Add(issuer.ResumeAfter)
	h.must(h.issuer.Resume(t.Context(), issuer.ResumeAfter))
	if h.issuer.Waiting() != 0 || len(h.accounts()) != 1 {
		t.Error("an old parcel was not sent")
	}
}

// TestLedgerRefusesCard: a key that belongs to another account; the family can try again with another letter.
func TestLedgerRefusesCard(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.enrolled(client, 1)
	thief := h.phone(1).login(h.offer(other))
	thief.keys = p.keys
	wantOAuth(t, "a key of another account", thief.ask(), 400, oid4vci.CredentialRequestDenied)
	wantOAuth(t, "and again", thief.again(), 400, oid4vci.CredentialRequestDenied)
	h.enrolled(other, 1)
	if len(h.accounts()) != 2 {
		t.Errorf("%d budgets", len(h.accounts()))
	}
	if !strings.Contains(h.logged.String(), string(ledger.AlreadyIssued)) || strings.Contains(h.logged.String(), other) {
		t.Errorf("logged: %s", h.logged)
	}
}

func TestTokenRefused(t *testing.T) {
	h := newHouse(t)
	h.families()
	o := h.offer(client)
	code := preAuthorized(t, o)
	wantOAuth(t, "no tx_code", h.askToken(code, ""), 400, oid4vci.InvalidRequest)
	h.Clock = h.Clock.Add(issuer.OfferLife)
	wantOAuth(t, "an old letter", h.askToken(code, oid4vci.Secret(o.TxCode)), 400, oid4vci.InvalidGrant)
	o = h.offer(client)
	p := h.phone(1).login(o)
	wantOAuth(t, "the code again", h.askToken(preAuthorized(t, o), oid4vci.Secret(o.TxCode)), 400, oid4vci.InvalidGrant)
	p.take(p.ask())

	first := h.offer(other)
	h.offer(other)
	wantOAuth(t, "an older letter", h.askToken(preAuthorized(t, first), oid4vci.Secret(first.TxCode)), 400, oid4vci.InvalidGrant)

	form := "grant_type=authorization_code&code=x"
	wantOAuth(t, "another grant", h.do("POST", "/token", "application/x-www-form-urlencoded", "", []byte(form)), 400, oid4vci.UnsupportedGrantType)
	wantOAuth(t, "JSON", h.do("POST", "/token", "application/json", "", []byte(`{}`)), 400, oid4vci.InvalidRequest)
	wantOAuth(t, "too large", h.do("POST", "/token", "application/x-www-form-urlencoded", "", make([]byte, 2<<20)), 400, oid4vci.InvalidRequest)
}

func TestCredentialRefused(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.phone(2).login(h.offer(client))
	ask := func(body []byte) answer {
		return h.do("POST", "/credential", "application/json", string(p.token), body)
	}
	nonce := h.nonce()
	forged := "A" + nonce[1:]
	if forged == nonce {
		forged = "B" + nonce[1:]
	}
	wantOAuth(t, "a forged nonce", ask(p.request(forged, h.url)), 400, oid4vci.InvalidNonce)
	wantOAuth(t, "text for a nonce", ask(p.request("abc", h.url)), 400, oid4vci.InvalidNonce)
	wantOAuth(t, "a proof for another issuer", ask(p.request(nonce, "https://evil.example")), 400, oid4vci.InvalidProof)
	h.must(h.issuer.UseNonce(nonce))
	wantOAuth(t, "a used nonce", ask(p.request(nonce, h.url)), 400, oid4vci.InvalidNonce)
	nonce = h.nonce()
	h.Clock = h.Clock.Add(issuer.NonceLife + time.Second)
	wantOAuth(t, "an old nonce", ask(p.request(nonce, h.url)), 400, oid4vci.InvalidNonce)

	many := h.phone(issuer.BatchSize + 1)
	wantOAuth(t, "a batch too large", ask(many.request(h.nonce(), h.url)), 400, oid4vci.InvalidProof)
	wantOAuth(t, "no proof", ask([]byte(`{"credential_configuration_id":"kindpakket"}`)), 400, oid4vci.InvalidProof)
	wantOAuth(t, "another card", ask([]byte(`{"credential_configuration_id":"diploma"}`)), 400, oid4vci.UnknownCredentialConfiguration)
	wantOAuth(t, "by identifier", ask([]byte(`{"credential_identifier":"x"}`)), 400, oid4vci.UnknownCredentialIdentifier)
	wantOAuth(t, "not JSON", ask([]byte(`{`)), 400, oid4vci.InvalidCredentialRequest)
	twice := h.phone(1)
	twice.keys = append(twice.keys, twice.keys[0])
	wantOAuth(t, "one key twice", ask(twice.request(h.nonce(), h.url)), 400, oid4vci.InvalidProof)
	for name, token := range map[string]string{"no token": "", "an unknown token": strings.Repeat("A", 43), "a huge token": strings.Repeat("A", 4000)} {
		a := h.do("POST", "/credential", "application/json", token, p.request(h.nonce(), h.url))
		wantOAuth(t, name, a, 401, oid4vci.InvalidToken)
		if a.header.Get("WWW-Authenticate") != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, a.header)
		}
	}
	if len(h.accounts()) != 0 {
		t.Error("a refused request has a budget")
	}
	// None of these used the token up.
	p.take(p.ask())
}

// TestSweep: what has run out is cleared away, and what has not stays.
func TestSweep(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.enrolled(client, 1)
	waiting := h.offer(other)
	h.Clock = h.Clock.Add(time.Hour)
	h.must(h.issuer.Sweep())
	wantOAuth(t, "a token that was cleared away", p.again(), 401, oid4vci.InvalidToken)
	h.phone(1).login(waiting)
	h.Clock = h.Clock.Add(issuer.OfferLife)
	h.must(h.issuer.Resume(t.Context(), 0))
}

// TestB4CodesAreLong: activation codes had 32 bits.
func TestB4CodesAreLong(t *testing.T) {
	h := newHouse(t)
	h.families()
	seen := map[string]bool{}
	for range 20 {
		o := h.offer(client)
		code := string(preAuthorized(t, o))
		raw, err := jose.DecodeSegment(code)
		if err != nil || len(raw) < 16 || seen[code] {
			t.Fatalf("a code has %d bits, want 128 at least", 8*len(raw))
		}
		if len(o.TxCode) != 8 || strings.Trim(o.TxCode, "0123456789") != "" {
			t.Fatal("an activation code has not 8 digits")
		}
		seen[code] = true
	}
}

// TestB5WrongAndUnknownAlike: answers differed for people who were known, so anyone could test who gets aid. And an
// activation code can be tried five times, not more.
func TestB5WrongAndUnknownAlike(t *testing.T) {
	h := newHouse(t)
	h.families()
	o := h.offer(client)
	code := preAuthorized(t, o)
	wrong := oid4vci.Secret("00000000")
	if string(wrong) == o.TxCode {
		wrong = "11111111"
	}
	unknown := oid4vci.Secret(strings.Repeat("A", len(code)))
	var answers []answer
	for range issuer.TxTries {
		answers = append(answers, h.askToken(code, wrong), h.askToken(unknown, wrong))
	}
	answers = append(answers, h.askToken(code, oid4vci.Secret(o.TxCode))) // dead even with the right code
	expired := h.offer(other)
	h.Clock = h.Clock.Add(issuer.OfferLife)
	answers = append(answers, h.askToken(preAuthorized(t, expired), oid4vci.Secret(expired.TxCode)))
	for n, a := range answers {
		a.header.Del("Date")
		if a.code != answers[0].code || a.body != answers[0].body || fmt.Sprint(a.header) != fmt.Sprint(answers[0].header) || a.oauth() != oid4vci.InvalidGrant {
			t.Errorf("answer %d differs: %d %s %v", n, a.code, a.body, a.header)
		}
	}
	missing, nobody := h.askToken(code, ""), h.askToken(unknown, "")
	if missing.body != nobody.body || missing.code != nobody.code {
		t.Error("without tx_code, a known and an unknown code are answered differently")
	}
}

// TestTxCodeTries: four wrong ones leave the letter good, and the right one works once.
func TestTxCodeTries(t *testing.T) {
	h := newHouse(t)
	h.families()
	o := h.offer(client)
	for range issuer.TxTries - 1 {
		h.askToken(preAuthorized(t, o), oid4vci.Secret(strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, o.TxCode)))
	}
	h.phone(1).login(o)
}

// TestTokenRaces: one code, many phones at once: one token.
func TestTokenRaces(t *testing.T) {
	h := newHouse(t)
	h.families()
	o := h.offer(client)
	r := oid4vci.TokenRequest{GrantType: oid4vci.GrantPreAuthorizedCode, PreAuthorizedCode: preAuthorized(t, o), TxCode: oid4vci.Secret(o.TxCode)}
	form, err := r.Form()
	h.must(err)
	var wg sync.WaitGroup
	got := make([]bool, 8)
	for n := range got {
		wg.Go(func() { _, err := h.issuer.Token([]byte(form.Encode())); got[n] = err == nil })
	}
	wg.Wait()
	if won := len(slices.DeleteFunc(got, func(ok bool) bool { return !ok })); won != 1 {
		t.Errorf("%d phones got a token", won)
	}
}

// TestB9ExpiredToken: expired tokens still passed.
func TestB9ExpiredToken(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.phone(1).login(h.offer(client))
	h.Clock = h.Clock.Add(issuer.TokenLife)
	wantOAuth(t, "a token at its end", p.ask(), 401, oid4vci.InvalidToken)
	if len(h.accounts()) != 0 {
		t.Error("an expired token has a budget")
	}
}

// TestOfferByReference: the offer is fetched at an address that nobody can guess, until it is used.
func TestOfferByReference(t *testing.T) {
	h := newHouse(t)
	h.families()
	o, err := h.issuer.OfferFamily(client, issuer.ByReference)
	h.must(err)
	_, ref, err := oid4vci.ParseOfferURI(o.URI)
	if err != nil || !strings.HasPrefix(ref, h.url+"/offers/") || len(ref) < len(h.url+"/offers/")+43 {
		t.Fatalf("got %v", err)
	}
	path := strings.TrimPrefix(ref, h.url)
	a := h.do("GET", path, "", "", nil)
	offer, err := oid4vci.ParseOffer([]byte(a.body))
	if err != nil || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v, %v", a.code, a.header, err)
	}
	if strings.Contains(path, string(offer.Grants.PreAuthorized.Code)) {
		t.Error("the address is the code")
	}
	byValue := issuer.Offered{TxCode: o.TxCode}
	byValue.URI, err = offer.URI()
	h.must(err)
	h.phone(1).login(byValue)
	used, unknown := h.do("GET", path, "", "", nil), h.do("GET", "/offers/"+strings.Repeat("A", 43), "", "", nil)
	if used.code != 404 || used.body != unknown.body || unknown.code != 404 {
		t.Errorf("a used offer: %d, an unknown one: %d", used.code, unknown.code)
	}
}

// TestOfferSecret: an offer does not get into a log by accident.
func TestOfferSecret(t *testing.T) {
	h := newHouse(t)
	h.families()
	o := h.offer(client)
	h.cfg.Logger.Info("offer", "offer", o)
	text := fmt.Sprintf("%v %+v %#v %s %s", o, o, o, o, h.logged)
	if strings.Contains(text, o.TxCode) || strings.Contains(text, string(preAuthorized(t, o))) {
		t.Error("an offer prints its codes")
	}
	b, err := json.Marshal(o)
	if err != nil || !strings.Contains(string(b), o.TxCode) {
		t.Error("an offer does not travel to the letter")
	}
}
