package verifier_test

import (
	"net/url"
	"testing"

	"kindpakket/credential/oid4vp"
	"kindpakket/verifier"
)

// FuzzResponse posts anything to an open request, by whichever road: nothing but the holder's own answer makes it paid.
func FuzzResponse(f *testing.F) {
	h := newHouse(f)
	w := h.newWallet(3000)
	v := w.fetch(h.ask("trapper", 100, "fiets"), shown{plain: true})
	form := w.form(v, w.present(v, shown{plain: true}))
	f.Add(form.Encode())
	f.Add(w.form(w.fetch(h.ask("trapper", 100, "fiets"), shown{}), w.present(v, shown{})).Encode())
	f.Add(v.Refuse(&oid4vp.Error{Code: oid4vp.AccessDenied}).Encode())
	f.Add(`error=access_denied`)
	f.Add(`vp_token=` + url.QueryEscape(`{"card":["a.b.c~"]}`))
	f.Add(`response=a.b.c.d.e&state=x`)
	f.Add("%")
	var a verifier.Asked
	f.Fuzz(func(t *testing.T, body string) {
		h.t = t
		if a.OrderID == "" || h.result(a).State != verifier.Pending {
			a = h.ask("trapper", 100, "fiets")
			w.fetch(a, shown{plain: true}) // so that plain answers are read too
		}
		link, err := oid4vp.ParseLink(a.RequestURI)
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.verifier.Respond(t.Context(), link.RequestURI[len(serviceURL+"/requests/"):], []byte(body))
		if err == nil && (r.State != verifier.Refused || r.Reason == "") {
			t.Errorf("a foreign answer made the order %s", r.State)
		}
		if err != nil && h.result(a).State != verifier.Pending {
			t.Error("what could not be read has ended the order")
		}
	})
}
