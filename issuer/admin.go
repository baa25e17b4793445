package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"kindpakket/credential/budget"
	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
	"kindpakket/issuer/intake"
	"kindpakket/issuer/letter"
	"kindpakket/ledger"
)

// Admin serves the officials' commands. It asks for no password: it belongs on a unix socket that only those may open
// who run the house.
//
//	POST /families?dry_run=1   a file → one JSON line of progress now and then, then {"report":…}
//	POST /offers               {"family":…} | {"family":…,"rekey":true} | {"children":…} → [Offered]
//	POST /letters              [LettersRequest] → HTML, a page for each family that waits for its letter
//	POST /block /revoke /topup
//	POST /shops/read           a file → {"shops":…,"report":…}
//	POST /shops/accredit       [Accreditation] → {"certificate":DER}
//	POST /shops/approve /shops/suspend
//	GET  /shops
//	GET  /fund
//	POST /funds                [FundSpec]
//	POST /payouts              {"dry_run":…} → {"file":…,"report":…}
//	GET  /payouts/{run}        the file of an earlier run again
//	POST /payouts/audit        a file → {"report":…}
//	POST /periods/close        [CloseRequest] → [Totals]
func (i *Issuer) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /families", i.serveFamilies)
	mux.Handle("POST /offers", serve.JSON(problems, i.adminOffer))
	mux.HandleFunc("POST /letters", i.serveLetters)
	mux.Handle("POST /block", serve.JSON(problems, i.adminBlock))
	mux.Handle("POST /revoke", serve.JSON(problems, i.adminRevoke))
	mux.Handle("POST /topup", serve.JSON(problems, i.adminTopUp))
	mux.HandleFunc("POST /shops/read", i.serveShopFile)
	mux.Handle("POST /shops/accredit", serve.JSON(problems, i.adminAccredit))
	mux.Handle("POST /shops/approve", serve.JSON(problems, i.adminApprove))
	mux.Handle("POST /shops/suspend", serve.JSON(problems, i.adminSuspend))
	mux.Handle("GET /shops", serve.JSON(problems, func(context.Context, struct{}) (ShopList, error) {
		shops, err := i.Shops()
		return ShopList{shops}, err
	}))
	mux.Handle("GET /fund", serve.JSON(problems, func(context.Context, struct{}) (FundSpec, error) { return i.Fund() }))
	mux.Handle("POST /funds", serve.JSON(problems, func(ctx context.Context, f FundSpec) (struct{}, error) { return struct{}{}, i.OpenFund(ctx, f) }))
	mux.Handle("POST /payouts", serve.JSON(problems, i.adminPayout))
	mux.HandleFunc("GET /payouts/{run}", i.servePayoutFile)
	mux.HandleFunc("POST /payouts/audit", i.servePayoutAudit)
	mux.Handle("POST /periods/close", serve.JSON(problems, i.adminClose))
	return mux
}

var problems = func() problem.Table {
	t := problem.Table{
		{Is: ErrInput, Status: 400, Type: "/problems/input", Title: "Something in this request is not right. Correct it and try again."},
		{Is: ErrUnknownFamily, Status: 404, Type: "/problems/unknown-family", Title: "No file had this client number. Import the family first."},
		{Is: ErrNoCard, Status: 409, Type: "/problems/no-card", Title: "This family has taken no card yet. Make an offer first."},
		{Is: ErrHasCard, Status: 409, Type: "/problems/has-card", Title: "This family has its card. For a new phone use rekey."},
		{Is: ErrRevoked, Status: 409, Type: "/problems/revoked", Title: "This family's card was revoked."},
		{Is: ErrNoFund, Status: 409, Type: "/problems/no-fund", Title: "No fund is open. Open one first."},
		{Is: ErrUnknownShop, Status: 404, Type: "/problems/unknown-shop", Title: "No such shop was imported. Look at the list of shops."},
		{Is: ErrOfficial, Status: 403, Type: "/problems/official", Title: "This is not the token of an official."},
		{Is: ErrDone, Status: 409, Type: "/problems/done", Title: "This was done before. Nothing was done twice."},
		{Is: ErrNoLetters, Status: 409, Type: "/problems/no-letters", Title: "Every family has its card or a letter that works. To print letters again, ask for it."},
		{Is: letter.ErrLetter, Status: 400, Type: "/problems/letter", Title: "Something of the letter's sender is not right. Correct it and try again."},
		{Is: ErrPayoutConflict, Status: 409, Type: "/problems/payout-conflict", Title: "The ledger and the payout plan differ. Nothing was released: look at the ledger before the next run."},
		{Is: ErrPayoutFile, Status: 422, Type: "/problems/payout-file", Title: "The payment file does not equal the ledger. Do not send it to the bank."},
		{Is: ledger.ErrUnavailable, Status: 503, Type: "/problems/unavailable", Title: "The ledger cannot answer now. What was asked is kept and sent again."},
		{Is: intake.ErrTooLarge, Status: 413, Type: "/problems/too-large", Title: "The file is too large."},
	}
	for _, r := range ledger.Reasons() {
		t = append(t, problem.Problem{Is: r, Status: 422, Type: "/problems/" + string(r), Title: "The ledger refused this.", Reason: string(r)})
	}
	return t
}()

// The requests and answers of Admin.
type (
	OfferRequest struct {
		Family   string `json:"family,omitempty"` // client number
		Rekey    bool   `json:"rekey,omitempty"`  // for a new phone
		Children int    `json:"children,omitempty"`
		Form     Form   `json:"by_reference,omitempty"`
	}
	BlockRequest struct {
		Family string            `json:"family"`
		State  ledger.BlockState `json:"state"`
		Reason string            `json:"reason"`
	}
	RevokeRequest struct {
		Family string `json:"family"`
		Reason string `json:"reason"`
	}
	TopUpRequest struct {
		Family  string       `json:"family"`
		Amount  budget.Cents `json:"amount"`
		OrderID string       `json:"order_id"`
	}
	ApproveRequest struct {
		Token string   `json:"token"`
		Slugs []string `json:"slugs"`
	}
	Approved struct {
		Ready int `json:"ready"` // shops whose account number has the two approvals that a payout needs
	}
	SuspendRequest struct {
		Slug   string           `json:"slug"`
		State  ledger.ShopState `json:"state"`
		Reason string           `json:"reason"`
	}
	Accredited struct {
		Certificate []byte `json:"certificate"` // DER
	}
	ShopList struct {
		Shops []ShopInfo `json:"shops"`
	}
	PayoutRequest struct {
		Fund   string `json:"fund,omitempty"` // with Period; none: the fund that is being spent from
		Period string `json:"period,omitempty"`
		DryRun bool   `json:"dry_run"`
	}
	PayoutAnswer struct {
		File   []byte       `json:"file,omitempty"`
		Report PayoutReport `json:"report"`
	}
	// ShopFile is what stands in a file of shops.
	ShopFile struct {
		Shops  []ShopLine    `json:"shops"`
		Report intake.Report `json:"report"`
	}
	ShopLine struct {
		Name       string            `json:"name"`
		Slug       string            `json:"slug"`
		KvK        string            `json:"kvk"`
		IBAN       string            `json:"iban"`
		Categories []budget.Category `json:"categories"`
	}
	// FamilyProgress is a line of the answer to an import: progress, or at the end the report.
	FamilyProgress struct {
		Done   int            `json:"done,omitempty"`
		Total  int            `json:"total,omitempty"`
		Report *intake.Report `json:"report,omitempty"`
	}
)

func (i *Issuer) adminOffer(ctx context.Context, r OfferRequest) (Offered, error) {
	switch {
	case (r.Family == "") == (r.Children == 0), r.Rekey && r.Family == "":
		return Offered{}, ErrInput
	case r.Rekey:
		return i.Rekey(ctx, r.Family, r.Form)
	case r.Family != "":
		return i.OfferFamily(r.Family, r.Form)
	}
	return i.OfferChildren(r.Children, r.Form)
}

func (i *Issuer) adminBlock(ctx context.Context, r BlockRequest) (struct{}, error) {
	return struct{}{}, i.Block(ctx, r.Family, r.State, r.Reason)
}

func (i *Issuer) adminRevoke(ctx context.Context, r RevokeRequest) (struct{}, error) {
	return struct{}{}, i.Revoke(ctx, r.Family, r.Reason)
}

func (i *Issuer) adminTopUp(ctx context.Context, r TopUpRequest) (struct{}, error) {
	return struct{}{}, i.TopUp(ctx, r.Family, r.Amount, r.OrderID)
}

func (i *Issuer) adminAccredit(ctx context.Context, a Accreditation) (Accredited, error) {
	cert, err := i.Accredit(ctx, a)
	return Accredited{cert}, err
}

func (i *Issuer) adminApprove(_ context.Context, r ApproveRequest) (Approved, error) {
	n, err := i.ApproveAccounts(r.Token, r.Slugs)
	return Approved{n}, err
}

func (i *Issuer) adminSuspend(ctx context.Context, r SuspendRequest) (struct{}, error) {
	return struct{}{}, i.Suspend(ctx, r.Slug, r.State, r.Reason)
}

func (i *Issuer) adminPayout(ctx context.Context, r PayoutRequest) (PayoutAnswer, error) {
	f, err := i.payoutFund(r.Fund, r.Period)
	if err != nil {
		return PayoutAnswer{}, err
	}
	file, report, err := i.Payout(ctx, f, r.DryRun)
	return PayoutAnswer{file, report}, err
}

// servePayoutFile serves a file whose answer was lost: the ledger has it, so it must not get lost.
func (i *Issuer) servePayoutFile(w http.ResponseWriter, r *http.Request) {
	file, err := i.PayoutFile(r.PathValue("run"))
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(file)
}

func (i *Issuer) servePayoutAudit(w http.ResponseWriter, r *http.Request) {
	file, err := intake.Read(r.Body)
	var report PayoutReport
	if err == nil {
		var f FundSpec
		if f, err = i.payoutFund(r.URL.Query().Get("fund"), r.URL.Query().Get("period")); err == nil {
			report, err = i.AuditPayout(r.Context(), f, file)
		}
	}
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	writeJSON(w, "application/json", PayoutAnswer{Report: report})
}

func (i *Issuer) serveShopFile(w http.ResponseWriter, r *http.Request) {
	file, err := intake.Read(r.Body)
	var out ShopFile
	if err == nil {
		var shops []intake.Shop
		if shops, out.Report, err = i.ReadShops(file); err == nil {
			for _, s := range shops {
				out.Shops = append(out.Shops, ShopLine{Name: s.Name, Slug: s.Slug, KvK: s.KvK, IBAN: string(s.IBAN), Categories: s.Categories})
			}
		}
	}
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	writeJSON(w, "application/json", out)
}

// serveFamilies imports a file and tells how far it is, one JSON object a line.
func (i *Issuer) serveFamilies(w http.ResponseWriter, r *http.Request) {
	file, err := intake.Read(r.Body)
	if err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	if _, err := i.Fund(); err != nil {
		serve.Fail(w, r, problems, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	report, err := i.ImportFamilies(file, r.URL.Query().Get("dry_run") != "", func(done, total int) {
		if out.Encode(FamilyProgress{Done: done, Total: total}) == nil {
			flush.Flush()
		}
	})
	if err != nil {
		// The answer has begun: a last line without a report says that it did not come to an end.
		i.cfg.Logger.ErrorContext(r.Context(), "importing families", "fault", problem.Kind(err))
		return
	}
	if err := out.Encode(FamilyProgress{Report: &report}); err != nil && !errors.Is(err, http.ErrAbortHandler) {
		i.cfg.Logger.InfoContext(r.Context(), "import report was not read")
	}
}
