package issuer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
	"kindpakket/issuer/letter"
)

// ErrNoLetters says that no family waits for a letter.
var ErrNoLetters = errors.New("no family waits for a letter")

// Addressed is an offer, and where its family stands in the municipality's own files: the issuer knows no address.
type Addressed struct {
	Offered
	Upload int       // number of the file, in the order of the imports, from 1
	Line   int       // in that file
	Until  time.Time // the last whole day on which the offer can be taken
}

// offersAtOnce is how many offers are made in one transaction.
const offersAtOnce = 200

// OfferAll makes an offer for every family of the open fund that was imported and has neither a card nor an offer that
// can still be taken; with again set also for those that have such an offer, which is dead from then on. They come in
// the order of the files. progress may be nil.
func (i *Issuer) OfferAll(ctx context.Context, form Form, again bool, progress func(done, total int)) ([]Addressed, error) {
	i.office.Lock()
	defer i.office.Unlock()
	type waiting struct {
		family []byte
		record familyRecord
	}
	var families []waiting
	if err := i.db.View(func(tx *bbolt.Tx) error {
		fund, err := i.fund(tx)
		if err != nil {
			return err
		}
		return each(i.store, tx, "families", func(k []byte, f familyRecord) error {
			if f.Fund != fund.Fund || f.Period != fund.Period.ID || f.Upload == 0 {
				return nil
			}
			wants, err := i.wantsLetter(tx, k, again)
			if wants {
				families = append(families, waiting{bytes.Clone(k), f})
			}
			return err
		})
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(families, func(a, b waiting) int {
		return cmp.Or(a.record.Upload-b.record.Upload, a.record.Line-b.record.Line)
	})
	var out []Addressed
	for batch := range slices.Chunk(families, offersAtOnce) {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := i.db.Update(func(tx *bbolt.Tx) error {
			for _, f := range batch {
				// Since it was looked at, a family may have taken its card.
				if wants, err := i.wantsLetter(tx, f.family, again); err != nil || !wants {
					if err != nil {
						return err
					}
					continue
				}
				key, card, err := i.cardOf(tx, f.family)
				if err != nil {
					return err
				}
				o, err := i.makeOffer(tx, key, card, false, form)
				if err != nil {
					return err
				}
				out = append(out, Addressed{Offered: o, Upload: f.record.Upload, Line: f.record.Line, Until: i.now().Add(OfferLife).AddDate(0, 0, -1)})
			}
			return nil
		}); err != nil {
			return nil, fmt.Errorf("making offers: %w", err)
		}
		if progress != nil {
			progress(len(out), len(families))
		}
	}
	return out, nil
}

func (i *Issuer) wantsLetter(tx *bbolt.Tx, family []byte, again bool) (bool, error) {
	_, card, err := i.cardOf(tx, family)
	if err != nil || card.Account != "" || card.Revoked {
		return false, err
	}
	if card.Offer == nil || again {
		return true, nil
	}
	var o offerRecord
	ok, err := i.get(tx, "offers", card.Offer, &o)
	return err == nil && !(ok && o.live(i.now())), err
}

// LettersRequest asks for the letters of all families that wait for one.
type LettersRequest struct {
	Lang   string        `json:"lang"` // "nl" or "en"
	Sender letter.Sender `json:"sender"`
	Form   Form          `json:"by_reference,omitempty"`
	Again  bool          `json:"again,omitempty"` // also for families whose letter was made before and not used
}

// Letters makes the offers of [Issuer.OfferAll] and writes their letters to w, one HTML document for the printer. The
// reference on each says in which file and on which line the family stands. It returns [ErrNoLetters], or
// [letter.ErrLetter] for a sender that is out of shape, with no offer made and nothing written; after any other error,
// letters that were not printed are made with Again.
func (i *Issuer) Letters(ctx context.Context, w io.Writer, r LettersRequest, progress func(done, total int)) error {
	if r.Sender.Name == "" {
		r.Sender.Name = i.cfg.Municipality
	}
	// A letter that goes nowhere, so that nothing is found out of shape when the offers are made.
	sample := letter.Letter{Lang: r.Lang, Reference: letter.NewSecret("1"), Offer: letter.NewSecret(letter.OfferScheme),
		Code: letter.NewSecret("00000000"), Until: i.now()}
	if err := letter.Write(io.Discard, r.Sender, []letter.Letter{sample}); err != nil {
		return err
	}
	offers, err := i.OfferAll(ctx, r.Form, r.Again, progress)
	if err != nil {
		return err
	}
	if len(offers) == 0 {
		return ErrNoLetters
	}
	reference := "Bestand %d, regel %d"
	if r.Lang == "en" {
		reference = "File %d, line %d"
	}
	letters := make([]letter.Letter, len(offers))
	for n, o := range offers {
		letters[n] = letter.Letter{Lang: r.Lang, Reference: letter.NewSecret(fmt.Sprintf(reference, o.Upload, o.Line)),
			Offer: letter.NewSecret(o.URI), Code: letter.NewSecret(o.TxCode), Until: o.Until}
	}
	return letter.Write(w, r.Sender, letters)
}

// serveLetters streams the letters. An answer that does not end in </html> did not come to its end.
func (i *Issuer) serveLetters(w http.ResponseWriter, r *http.Request) {
	var req LettersRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, serve.MaxBody))
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		serve.Fail(w, r, problems, fmt.Errorf("%w: not the JSON expected", ErrInput))
		return
	}
	policy, err := letter.Policy()
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	out := &lateHeader{ResponseWriter: w, policy: policy}
	// Twenty thousand letters take longer than a request may.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		serve.Fail(w, r, problems, err)
		return
	}
	err = i.Letters(r.Context(), out, req, nil)
	switch {
	case err != nil && !out.begun:
		serve.Fail(w, r, problems, err)
	case err != nil:
		i.cfg.Logger.ErrorContext(r.Context(), "writing letters", "fault", problem.Kind(err))
	}
}

// lateHeader sets the document's header with its first byte, so that until then an error can be answered.
type lateHeader struct {
	http.ResponseWriter
	policy string
	begun  bool
}

func (w *lateHeader) Write(b []byte) (int, error) {
	if !w.begun {
		w.begun = true
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", w.policy)
		h.Set("Cache-Control", "no-store")
	}
	return w.ResponseWriter.Write(b)
}
