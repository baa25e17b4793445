package audit_test

import (
	"bytes"
	"testing"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/ledgertest"
)

// TestP1AccountsAreLinkedByTheWholeLedger says what an account does not hide: a family that pays with a fresh key each
// time is one account to whoever reads every entry, because its issue names all the keys. docs/privacy.md promises no
// more.
func TestP1AccountsAreLinkedByTheWholeLedger(t *testing.T) {
	w := ledgertest.New(t)
	log := ledgertest.NewMemory(w.Origin)
	append := func(c ledger.Command) ledger.Entry {
		t.Helper()
		e, err := log.Append(c, w.Clock)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, c := range w.Open() {
		append(c)
	}
	family := map[string][]ledgertest.Holder{}
	for _, name := range []string{"one", "two"} {
		first := w.NewHolder()
		second := ledgertest.Holder{Key: ledgertest.NewKey(t), Account: first.Account}
		append(w.Statement(ledger.Issue{Head: w.Head(ledger.KindIssue), Amount: 30000, Account: ledger.Account{ID: first.Account,
			Keys: []jose.Thumbprint{first.Key.Public().Thumbprint(), second.Key.Public().Thumbprint()}}}))
		family[name] = []ledgertest.Holder{first, second}
	}
	paid := map[uint64]string{} // entry → family, which the reader does not have
	for n := range 4 {
		for _, name := range []string{"one", "two"} {
			e := append(w.Pay(family[name][n%2], "trapper", budget.Cents(1000+n), "fiets"))
			paid[e.Index] = name
		}
	}

	// The reader: entries alone.
	account := map[jose.Thumbprint]string{}
	found := map[string]map[string]int{} // account → family → spends
	export, err := log.Export(w.Signer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = audit.Run(bytes.NewReader(export), audit.Options{Policy: &w.Policy, Each: func(e ledger.Entry) bool {
		switch e.Kind {
		case ledger.KindIssue:
			s, err := ledger.ReadStatement[ledger.Issue](e)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range s.Account.Keys {
				account[k] = s.Account.ID
			}
		case ledger.KindSpend:
			b, err := ledger.ParseBody[ledger.SpendBody](e.Command())
			if err != nil {
				t.Fatal(err)
			}
			id := account[b.Account.JWK.Thumbprint()]
			if found[id] == nil {
				found[id] = map[string]int{}
			}
			found[id][paid[e.Index]]++
		}
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 {
		t.Fatalf("the reader sees %d accounts, want 2", len(found))
	}
	for id, families := range found {
		if len(families) != 1 || families["one"]+families["two"] != 4 {
			t.Errorf("account %s: got %v, want all four spends of one family", id, families)
		}
	}
}
