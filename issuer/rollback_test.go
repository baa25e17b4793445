package issuer_test

import (
	"os"
	"testing"

	"kindpakket/credential/oid4vci"
	"kindpakket/issuer"
)

// TestOlderFileGivesNoSecondBudget puts a copy of the issuer's file back that was made before a family took its card. The
// ledger knows the entitlement's account and refuses a second budget; a new phone gets what is left.
func TestOlderFileGivesNoSecondBudget(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	h.must(h.issuer.Close())
	older, err := os.ReadFile(h.cfg.Path)
	h.must(err)
	h.open()
	p := h.enrolled(client, 1)
	h.paid(p, "trapper", 1250, "fiets")

	h.must(h.issuer.Close())
	h.must(os.WriteFile(h.cfg.Path, older, 0o600))
	h.open()
	second := h.phone(1).login(h.offer(client))
	if a := second.ask(); a.oauth() != oid4vci.CredentialRequestDenied {
		t.Fatalf("a second budget: got %d %s, want credential_request_denied", a.code, a.oauth())
	}
	o, err := h.issuer.Rekey(t.Context(), client, issuer.ByValue)
	h.must(err)
	third := h.phone(1).login(o)
	third.take(third.ask())
	h.paid(third, "trapper", 2*perChild-1250, "fiets")
	if _, err := h.pay(third, "trapper", 50, "fiets"); err == nil {
		t.Error("more was spent than the family has")
	}
	// A family that has taken no card has none to hand over.
	_, err = h.issuer.Rekey(t.Context(), other, issuer.ByValue)
	wantErr(t, "no card", err, issuer.ErrNoCard)
}
