package verifier

import (
	"context"
	"net/http"

	"kindpakket/credential/budget"
	"kindpakket/internal/serve"
)

// Admin serves the shop's own programs, as JSON (package serve), with errors as RFC 9457 problems. Whoever reaches it may
// do everything for every shop of the service: it belongs on a unix socket of its owner and nowhere else.
//
//	POST /shops                  Enrolment → Enrolled
//	GET  /shops                  → {"shops":[Shop …]}
//	POST /shops/{slug}/certificate   Certificate → 204
//	POST /requests               Ask → Asked
//	GET  /results/{id}           → Result
//	POST /returns                GiveBack → Result
func (v *Verifier) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /shops", serve.JSON(problems, func(ctx context.Context, e Enrolment) (Enrolled, error) {
		return v.Enrol(ctx, e.Slug, e.Name)
	}))
	mux.Handle("GET /shops", serve.JSON(problems, func(ctx context.Context, _ struct{}) (ShopList, error) {
		shops, err := v.Shops(ctx)
		return ShopList{shops}, err
	}))
	mux.Handle("POST /shops/{slug}/certificate", serve.JSON(problems, func(ctx context.Context, c Certificate) (struct{}, error) {
		return struct{}{}, v.Install(ctx, c.slug, c.Chain, c.Categories)
	}))
	mux.Handle("POST /requests", serve.JSON(problems, v.Request))
	mux.Handle("GET /results/{id}", serve.JSON(problems, func(ctx context.Context, q resultQuery) (Result, error) {
		return v.Result(ctx, q.id)
	}))
	mux.Handle("POST /returns", serve.JSON(problems, v.Return))
	return mux
}

// Enrolment asks for a shop.
type Enrolment struct {
	Slug string `json:"slug"`
	Name string `json:"name"` // trade name
}

// ShopList is all shops of the service.
type ShopList struct {
	Shops []Shop `json:"shops"`
}

// Certificate is what the municipality gives a shop.
type Certificate struct {
	Chain      [][]byte          `json:"chain"` // DER, leaf first, without the anchor
	Categories []budget.Category `json:"categories"`

	slug string
}

// ReadRequest takes the slug from the path.
func (c *Certificate) ReadRequest(r *http.Request) error {
	c.slug = r.PathValue("slug")
	return nil
}

type resultQuery struct{ id string }

// ReadRequest takes the order's id from the path.
func (q *resultQuery) ReadRequest(r *http.Request) error {
	q.id = r.PathValue("id")
	return nil
}
