package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/wallet/vault"
)

// How a wallet asks again: at first after askAgain, then less often, at most askTries times; and it gives up sooner if
// nothing at all comes back.
const (
	askAgain    = 250 * time.Millisecond
	askSlowest  = 2 * time.Second
	askTries    = 60
	askFailures = 3
)

// answerRecord is an answer that was sent, or is about to be: the exact bytes and where they go.
type answerRecord struct {
	Ask  string `json:"ask"`
	Line int    `json:"line"` // in the history
	URL  string `json:"url"`
	Body []byte `json:"body"`
}

// Result is what became of an answer. It prints as [redacted].
type Result struct {
	line        historyRecord
	redirectURI string
}

// State is [Paid], [Entitled], [Refused] or [Pending]. Paid means that the ledger's receipt was verified; Refused and
// Entitled are the shop's word.
func (r Result) State() State { return r.line.State }

// Reason is why it was refused, "" if it was not.
func (r Result) Reason() ledger.Reason { return r.line.Reason }

// Line is the line of the history.
func (r Result) Line() Line { return Line{r.line} }

// RedirectURI is an https URL to open in the browser that the request came from, "" for none.
func (r Result) RedirectURI() string { return r.redirectURI }

// Message says what happened and what to do next.
func (r Result) Message() Message {
	amount := r.line.Amount
	switch r.line.State {
	case Paid:
		return Message{"Betaald: " + amount.Format("nl") + " aan " + r.line.Name + ". Het bewijs staat bij Aankopen.",
			"Paid: " + amount.Format("en") + " to " + r.line.Name + ". The proof is under Purchases."}
	case Entitled:
		return Message{r.line.Name + " heeft gezien dat u een Kindpakket hebt. Er is niets betaald.",
			r.line.Name + " has seen that you have a Kindpakket. Nothing was paid."}
	case Refused:
		return Explain(r.line.Reason)
	}
	return ErrNoAnswer.Hint
}

// String returns "[redacted]".
func (Result) String() string { return redacted }

// GoString returns "[redacted]".
func (Result) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (Result) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (Result) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// Answer sends what the parent agreed to and waits until the till would say paid or refused. The presentation is made
// once, with the copy of the card that was used least, and stored before it is sent: the same consent again, and
// [Wallet.Retry], send the same bytes, so that nothing is ever paid twice.
//
// "Paid" is believed only with a receipt that verifies and is for exactly this order, paid by our key; otherwise Answer
// returns [ErrReceipt] and books nothing. It returns [ErrNoAnswer] with a Pending result if nothing came that can be
// trusted before ctx ended or the wallet gave up, and [ErrExpired] if the order ran out before it was answered.
func (w *Wallet) Answer(ctx context.Context, c Consent) (Result, error) {
	if c.wallet != w || c.request == nil {
		return Result{}, ErrNoConsent
	}
	line, rec, err := w.prepare(c)
	if err != nil {
		return Result{}, err
	}
	if line.State != Pending {
		return Result{line: line}, nil
	}
	return w.settle(ctx, line, rec)
}

// Retry sends every answer again that is still pending, and returns what became of each. The error is that of the last
// one that is pending still. A payment stays pending until its shop or [Wallet.AddReceipt] ends it; an answer without
// money that nobody wants any more after an hour is forgotten.
func (w *Wallet) Retry(ctx context.Context) ([]Result, error) {
	records, err := loadAll[answerRecord](w.cfg.Vault, answerRecords)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b answerRecord) int { return a.Line - b.Line })
	var results []Result
	var last error
	for _, rec := range records {
		line, err := load[historyRecord](w.cfg.Vault, historyName(rec.Line))
		if err != nil {
			return results, err
		}
		r, err := w.settle(ctx, line, rec)
		if err != nil && line.Order == "" && w.cfg.Now().After(line.At.Add(oid4vp.RequestLife)) {
			if err := w.write(map[string]any{historyName(line.N): nil, answerRecords + line.Ask: nil}); err != nil {
				return results, err
			}
			continue
		}
		if err != nil {
			last = err
		}
		results = append(results, r)
	}
	return results, last
}

// Decline tells whoever asks that the parent said no. It looks the same as having no card. It returns [ErrNoConsent] if
// the request was answered already.
func (w *Wallet) Decline(ctx context.Context, c Consent) error {
	if c.wallet != w || c.request == nil {
		return ErrNoConsent
	}
	if _, ok, err := w.answered(c.ask()); err != nil {
		return err
	} else if ok {
		return ErrNoConsent
	}
	values := c.request.Refuse(&oid4vp.Error{Code: oid4vp.AccessDenied})
	ans, err := w.fetch(ctx, http.MethodPost, c.request.ResponseURI, form, []byte(values.Encode()), oid4vp.MaxAnswer, nil)
	if err != nil {
		return err
	}
	if ans.status != http.StatusOK {
		return fmt.Errorf("%w: the shop answers %d", ErrNoAnswer, ans.status)
	}
	return nil
}

// answered returns the line of the history for a request.
func (w *Wallet) answered(ask string) (historyRecord, bool, error) {
	history, err := loadAll[historyRecord](w.cfg.Vault, historyRecords)
	if err != nil {
		return historyRecord{}, false, err
	}
	for _, h := range history {
		if h.Ask == ask {
			return h, true, nil
		}
	}
	return historyRecord{}, false, nil
}

// prepare returns the answer to a request as it was stored, or makes and stores it.
func (w *Wallet) prepare(c Consent) (historyRecord, answerRecord, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	history, err := loadAll[historyRecord](w.cfg.Vault, historyRecords)
	if err != nil {
		return historyRecord{}, answerRecord{}, err
	}
	for _, h := range history {
		if h.Ask != c.ask() {
			continue
		}
		rec, err := load[answerRecord](w.cfg.Vault, answerRecords+h.Ask)
		if errors.Is(err, vault.ErrNotFound) && h.State != Pending {
			return h, rec, nil
		}
		return h, rec, err
	}
	if order, ok := c.Order(); ok && w.cfg.Now().After(order.ExpiresAt) {
		return historyRecord{}, answerRecord{}, ErrExpired
	}
	line := historyRecord{N: next(history), Ask: c.ask(), Card: c.choices[0].card, State: Pending, At: w.cfg.Now().UTC(), Name: c.name}
	if order, ok := c.Order(); ok {
		line.Shop, line.Amount, line.Category, line.OrderID, line.Order = order.Shop, order.Amount, order.Category, order.OrderID, c.segment
	}
	changed := map[string]any{}
	token, err := w.present(c, &line, changed)
	if err != nil {
		return historyRecord{}, answerRecord{}, err
	}
	values, err := c.request.Form(token)
	if err != nil {
		return historyRecord{}, answerRecord{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	rec := answerRecord{Ask: line.Ask, Line: line.N, URL: c.request.ResponseURI, Body: []byte(values.Encode())}
	changed[answerRecords+rec.Ask], changed[historyName(line.N)] = rec, line
	return line, rec, w.write(changed)
}

// present makes the presentations, one copy for each, and notes the copies as used.
func (w *Wallet) present(c Consent, line *historyRecord, changed map[string]any) (oid4vp.VPToken, error) {
	token := oid4vp.VPToken{}
	cards := map[string]cardRecord{}
	for _, choice := range c.choices {
		rec, ok := cards[choice.card]
		if !ok {
			var err error
			if rec, err = load[cardRecord](w.cfg.Vault, cardRecords+choice.card); err != nil {
				return nil, err
			}
		}
		n := rec.choose()
		rec.Copies[n].Used++
		cards[choice.card] = rec
		changed[cardRecords+choice.card] = rec
		text, err := w.bind(c, choice, rec.Copies[n])
		if err != nil {
			return nil, err
		}
		line.Key = rec.Copies[n].Key
		for query, list := range oid4vp.TextToken(choice.query, text) {
			token[query] = list
		}
	}
	return token, nil
}

// bind shows of one copy what was agreed to, bound to the request and, for a payment, to the order.
func (w *Wallet) bind(c Consent, choice choice, copy copyRecord) (string, error) {
	key, err := w.key(copy.Key)
	if err != nil {
		return "", err
	}
	whole, err := sdjwt.Parse(copy.Text)
	if err != nil {
		return "", fmt.Errorf("reading card: %w", err)
	}
	shown, err := whole.Present(choice.paths...)
	if err != nil {
		return "", err
	}
	kb := sdjwt.KB{Audience: string(c.request.ClientID), Nonce: c.request.Nonce, IssuedAt: w.cfg.Now().Truncate(time.Second)}
	for _, d := range c.request.Transactions {
		kb.TransactionDataHashes = append(kb.TransactionDataHashes, d.Hash())
		kb.TransactionDataHashesAlg = oid4vp.HashSHA256
	}
	bound, err := shown.Bind(key, kb)
	if err != nil {
		return "", err
	}
	return bound.String(), nil
}

// reply is the member of our own in what a response URI answers.
type reply struct {
	State   State           `json:"state"`
	Reason  ledger.Reason   `json:"reason"`
	Receipt *ledger.Receipt `json:"receipt"`
}

var reasonPattern = regexp.MustCompile(`^[a-z-]{1,64}$`)

// settle posts an answer until something comes back that ends it.
func (w *Wallet) settle(ctx context.Context, line historyRecord, rec answerRecord) (Result, error) {
	wait, failures := askAgain, 0
	var last error
	for try := range askTries {
		if try > 0 {
			if err := w.cfg.Pause(ctx, wait); err != nil {
				return Result{line: line}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
			}
			wait = min(2*wait, askSlowest)
		}
		got, redirect, err := w.post(ctx, rec)
		if err != nil {
			if failures++; failures == askFailures || ctx.Err() != nil {
				return Result{line: line}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
			}
			last = err
			continue
		}
		failures = 0
		if got.State == Pending {
			last = errors.New("the shop says that it is pending")
			continue
		}
		done, err := w.book(line, got)
		return Result{line: done, redirectURI: redirect}, err
	}
	return Result{line: line}, fmt.Errorf("%w: %w", ErrNoAnswer, last)
}

// post sends the stored bytes once.
func (w *Wallet) post(ctx context.Context, rec answerRecord) (reply, string, error) {
	ans, err := w.fetch(ctx, http.MethodPost, rec.URL, form, rec.Body, oid4vp.MaxAnswer, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return reply{}, "", err
	}
	if ans.status != http.StatusOK {
		return reply{}, "", fmt.Errorf("the shop answers %d", ans.status)
	}
	a, err := oid4vp.ParseResponseAnswer(ans.body)
	if err != nil {
		return reply{}, "", err
	}
	var got reply
	if len(a.Kindpakket) == 0 {
		return reply{}, "", errors.New("the shop does not say what became of it")
	}
	if err := json.Unmarshal(a.Kindpakket, &got); err != nil {
		return reply{}, "", errors.New("the shop's answer cannot be read")
	}
	if got.Reason != "" && !reasonPattern.MatchString(string(got.Reason)) {
		got.Reason = ""
	}
	return got, a.RedirectURI, nil
}

// book ends an answer. What it cannot believe it does not book, and the answer stays pending.
func (w *Wallet) book(line historyRecord, got reply) (historyRecord, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line, err := load[historyRecord](w.cfg.Vault, historyName(line.N))
	if err != nil || line.State == Paid {
		return line, err
	}
	payment := line.Order != ""
	done := line
	switch {
	case got.State == Refused:
		done.State, done.Reason = Refused, got.Reason
	case got.State == Paid && payment && got.Receipt != nil:
		if done, err = w.paid(line, *got.Receipt); err != nil {
			return line, err
		}
	case got.State == Paid && payment:
		return line, fmt.Errorf("%w: there is none", ErrReceipt)
	case got.State == Entitled && !payment:
		done.State = Entitled
	default:
		return line, fmt.Errorf("%w: a state that does not answer the request", ErrNoAnswer)
	}
	return done, w.write(map[string]any{historyName(done.N): done, answerRecords + done.Ask: nil})
}
