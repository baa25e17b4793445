package verifier

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"kindpakket/credential/oid4vp"
	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
)

// problems says how our errors are told to the shop's own programs. Wallets are answered in OAuth's words: see oauthError.
var problems = problem.Table{
	{Is: ErrInput, Status: http.StatusBadRequest, Type: "/problems/malformed", Title: "The request does not say what it must.", Reason: "malformed"},
	{Is: ErrUnknownShop, Status: http.StatusNotFound, Type: "/problems/unknown-shop", Title: "This service has no such shop.", Reason: "unknown-shop"},
	{Is: ErrShopName, Status: http.StatusConflict, Type: "/problems/shop-name", Title: "Another shop has this trade name.", Reason: "shop-name"},
	{Is: ErrNoCertificate, Status: http.StatusConflict, Type: "/problems/no-certificate",
		Title: "The shop has no valid access certificate. Ask the municipality for one.", Reason: "no-certificate"},
	{Is: ErrCertificate, Status: http.StatusUnprocessableEntity, Type: "/problems/certificate", Title: "This is not the shop's access certificate.",
		Reason: "certificate"},
	{Is: ErrUnknownOrder, Status: http.StatusNotFound, Type: "/problems/unknown-order", Title: "There is no such order.", Reason: "unknown-order"},
	{Is: ErrNotPaid, Status: http.StatusConflict, Type: "/problems/not-paid", Title: "This order was not paid, so nothing can be given back.",
		Reason: "not-paid"},
}

// Handler serves what wallets need, below the root; the caller mounts it at the path of Config.URL:
//
//	GET  /requests/{id}          the signed request object (OpenID4VP 1.0, Section 5.10)
//	POST /requests/{id}          the same, with what the wallet says of itself
//	POST /responses/{id}         the wallet's answer (Section 8.2)
//	GET  /shops/{slug}/did.json  a shop's DID document
//
// Whoever holds a shop's or the service's keys is not known here: what a till does goes through [Verifier.Admin].
func (v *Verifier) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /requests/{id}", v.serveRequest)
	mux.HandleFunc("POST /requests/{id}", v.serveRequestPost)
	mux.Handle("POST /responses/{id}", serve.MaxBytes(http.HandlerFunc(v.serveResponse), oid4vp.MaxResponse))
	mux.HandleFunc("GET /shops/{slug}/did.json", v.serveDocument)
	return mux
}

func (v *Verifier) serveRequest(w http.ResponseWriter, r *http.Request) {
	v.writeRequest(w, r, oid4vp.RequestPost{})
}

func (v *Verifier) serveRequestPost(w http.ResponseWriter, r *http.Request) {
	body, ok := readForm(w, r, oid4vp.MaxPost)
	if !ok {
		return
	}
	post, err := oid4vp.ParseRequestPost(body)
	if err != nil {
		fail(w, r, err)
		return
	}
	v.writeRequest(w, r, post)
}

func (v *Verifier) writeRequest(w http.ResponseWriter, r *http.Request, post oid4vp.RequestPost) {
	object, err := v.RequestObject(r.Context(), r.PathValue("id"), post)
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", oid4vp.RequestMediaType)
	w.Header().Set("Cache-Control", "no-store")
	io.WriteString(w, object) // a wallet that has gone asks again
}

func (v *Verifier) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, ok := readForm(w, r, oid4vp.MaxResponse)
	if !ok {
		return
	}
	result, err := v.Respond(r.Context(), r.PathValue("id"), body)
	if err != nil {
		fail(w, r, err)
		return
	}
	ours, err := json.Marshal(result)
	if err != nil {
		fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, oid4vp.ResponseAnswer{Kindpakket: ours})
}

func (v *Verifier) serveDocument(w http.ResponseWriter, r *http.Request) {
	doc, err := v.Document(r.Context(), r.PathValue("slug"))
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	body, err := json.Marshal(doc)
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	w.Header().Set("Content-Type", "application/did+json")
	w.Write(body) // public, and who has gone asks again
}

// readForm reads a body of at most max bytes that says it is a form. If it is not, it answers.
func readForm(w http.ResponseWriter, r *http.Request, max int64) ([]byte, bool) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		fail(w, r, &oid4vp.Error{Code: oid4vp.InvalidRequest, Description: "the content type is not application/x-www-form-urlencoded"})
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max))
	if err != nil {
		fail(w, r, &oid4vp.Error{Code: oid4vp.InvalidRequest, Description: "the body is too large or broke off"})
		return nil, false
	}
	return body, true
}

// oauthError is the form in which wallets are told errors (RFC 6749, Section 5.2).
type oauthError struct {
	Error       oid4vp.Code `json:"error"`
	Description string      `json:"error_description,omitempty"`
}

// fail answers a wallet. What is wrong in its own message is 400; a request that is unknown, over or answered is 404.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused *oid4vp.Error
	switch {
	case errors.As(err, &refused):
		writeJSON(w, http.StatusBadRequest, oauthError{refused.Code, refused.Description})
	case errors.Is(err, ErrUnknownRequest):
		writeJSON(w, http.StatusNotFound, oauthError{oid4vp.InvalidRequest, "there is no such request, or it has ended"})
	default:
		serve.Fail(w, r, nil, err)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("verifier: an answer does not marshal") // cannot happen: strings, and JSON that was marshalled before
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // the status is out; a wallet that has gone asks again
}
