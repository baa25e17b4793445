package ledger_test

import (
	"bytes"
	"strings"
	"testing"

	"kindpakket/ledger"
)

// TestStatementsRefuse changes one thing in the golden statement of each kind. The head is tried on one of them.
func TestStatementsRefuse(t *testing.T) {
	const id = `"id":"`
	many := func(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for kind, changes := range map[ledger.Kind][][2]string{
		ledger.KindBlock: {
			{`"ledger":"kindpakket`, `"ledger":"Kindpakket`}, {`"ledger":"kindpakket.zuidhorn.example"`, `"ledger":""`},
			{`"kind":"block"`, `"kind":"keys"`}, {`"kind":"block",`, ``}, {`"fund":"kindpakket",`, ``}, {`"fund":"kindpakket"`, `"fund":"kind pakket"`},
			{`"period":"2027"`, `"period":""`}, {id, id + "A"}, {id, `"id":"","id":"`}, {`"state":"blocked"`, `"state":"dead"`}, {`"state":"blocked"`, `"state":""`},
			{`"account":"`, `"account":"A`}, {`"state"`, `"reason":"fraud","state"`}, {`{"ledger"`, `{ "ledger"`}, {`"state"`, `"State"`}, {`"}`, `"}x`},
		},
		ledger.KindGenesis: {
			{`"kind":"genesis"`, `"kind":"genesis","fund":"kindpakket"`}, {`did:web:zuidhorn.example","keys"`, `zuidhorn.example","keys"`}, {`"format":1`, `"format":2`},
			{`"log":"kindpakket.zuidhorn.example+`, `"log":"elders.example+`}, {`"log":"kindpakket.zuidhorn.example+`, `"log":"kindpakket.zuidhorn.example+ `},
			{`"kid":"did:web:zuidhorn.example#key-1"`, `"kid":"did:web:zuidhorn.example"`}, {`"kid":"did:web:zuidhorn.example#key-1"`, `"kid":"#key-1"`},
			{`"kid":"did:web:zuidhorn.example#key-1"`, `"kid":"did:web:zuidhorn.example#"`}, {`"crv":"P-256"`, `"crv":"secp256k1"`}, {`"keys":[`, `"keys":[],"old":[`},
		},
		ledger.KindFund: {
			{`"kind":"fund"`, `"kind":"shop"`}, {`"nl":"Kindpakket"`, `"nl":""`}, {`"nl":"Kindpakket"`, `"nl":" Kindpakket"`}, {`"nl":"Kindpakket"`, `"nl":"Kind\npakket"`},
			{`"nl":"Kindpakket"`, `"nl":"` + strings.Repeat("é", 81) + `"`}, {`"nl":"Kindpakket"`, `"nl":"Kind\u0070akket"`}, {`"nl":"Kindpakket"`, "\"nl\":\"\u202eKindpakket\""},
			{`"opens":"2026`, `"opens":"2028`}, {`"closes":"2027`, `"closes":"2029`}, {`"settles":"2027-11-30T23:59:59Z"`, `"settles":"2027-11-30T23:59:59+00:00"`},
			{`"settles":"2027-11-30T23:59:59Z"`, `"settles":"2027-11-30T23:59:59.5Z"`}, {`"settles":"2027-11-30T23:59:59Z"`, `"settles":"later"`},
			{`["boeken","fiets"]`, `[]`}, {`["boeken","fiets"]`, `null`}, {`["boeken","fiets"]`, `["fiets","fiets"]`}, {`["boeken","fiets"]`, `["Boeken"]`},
			{`"min":50`, `"min":0`}, {`"min":50`, `"min":50001`}, {`"max":50000`, `"max":1048576`}, {`"blind_limit":5000`, `"blind_limit":-1`}, {`"blind_limit":5000`, `"blind_limit":1048576`},
			{`"min":50`, `"min":0.5`},
		},
		ledger.KindShop: {
			{`"kind":"shop"`, `"kind":"shop","fund":"kindpakket"`}, {`"shop":"did:web:fietsen.example"`, `"shop":"Fietsen"`}, {`"name":"Fietsen & Zo"`, `"name":""`},
			{`"name":"Fietsen & Zo"`, `"name":"Fietsen \u0026 Zo"`}, {`"state":"suspended"`, `"state":"accredited"`}, {`"state":"suspended"`, `"state":"closed"`},
			{`"reason":"contract-ended"`, `"reason":"They did it"`}, {`"reason":"contract-ended"`, `"reason":""`}, {`"from":"2026`, `"from":"in 2026`},
			{`["fiets"]`, `[` + many(`"fiets"`, 2) + `]`}, {`"keys":[`, `"keys":[{},`},
		},
		ledger.KindIssue: {
			{`"kind":"issue"`, `"kind":"topup"`}, {`"amount":30000`, `"amount":0`}, {`"amount":30000`, `"amount":-1`}, {`"amount":30000`, `"amount":1048576`}, {`"amount":30000`, `"amount":300.00`},
			{`"account":{"id":"`, `"account":{"id":"A`}, {`"keys":["`, `"keys":[],"old":["`}, {`"account":{`, `"children":2,"account":{`}, {`"keys":["`, `"keys":["A`},
			{`"account":{`, `"name":"J. de Vries","account":{`},
		},
		ledger.KindKeys: {
			{`"kind":"keys"`, `"kind":"block"`}, {`"account":"`, `"account":"A`}, {`"drop":[`, `"drop":null,"old":[`}, {`"add":["`, `"add":["A`},
		},
		ledger.KindPayout: {
			{`"kind":"payout"`, `"kind":"close"`}, {`"shop":"did:web:fietsen.example"`, `"shop":"Fietsen"`}, {`"first":4`, `"first":7`}, {`"first":4`, `"first":-4`},
			{`"total":1000`, `"total":0`}, {`"total":1000`, `"total":-1000`}, {`"entries":2`, `"entries":0`}, {`"file_sha256":"`, `"file_sha256":"A`}, {`"shop"`, `"iban":"NL91ABNA0417164300","shop"`},
		},
		ledger.KindClose: {
			{`"kind":"close"`, `"kind":"payout"`}, {`"issued":30000`, `"issued":-1`}, {`"topped_up":500`, `"topped_up":-1`}, {`"spent":1250`, `"spent":-1`}, {`"returned":250`, `"returned":-1`},
			{`"expired":29500`, `"expired":-1`}, {`"expired":29500`, `"expired":29500.0`},
		},
	} {
		good := payload(t, kind)
		if again, err := restate(kind, good); err != nil || !bytes.Equal(again, good) {
			t.Fatalf("the good %s: %v", kind, err)
		}
		for _, change := range append(changes, [2]string{`{"ledger"`, `{"child":"2","ledger"`}, [2]string{`,"kind"`, `,"kind":"x","kind"`}) {
			bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
			if bytes.Equal(bad, good) {
				t.Fatalf("the %s holds no %s: %s", kind, change[0], good)
			}
			if _, err := restate(kind, bad); err == nil {
				t.Errorf("%s: %s → %s: accepted", kind, change[0], change[1])
			}
		}
		for _, in := range []string{"", "null", "[]", "{}", "noise"} {
			if _, err := restate(kind, []byte(in)); err == nil {
				t.Errorf("%s: %q: accepted", kind, in)
			}
		}
	}
}

// TestStatementSizes stands on either side of how many keys and categories a statement may have.
func TestStatementSizes(t *testing.T) {
	issue, err := ledger.ParseStatement[ledger.Issue](payload(t, ledger.KindIssue))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.ParseStatement[ledger.Keys](payload(t, ledger.KindKeys))
	if err != nil {
		t.Fatal(err)
	}
	shop, err := ledger.ParseStatement[ledger.Shop](payload(t, ledger.KindShop))
	if err != nil {
		t.Fatal(err)
	}
	one := issue.Account.Keys[0]
	issue.Account.Keys = nil
	for i := range ledger.MaxAccountKeys {
		one[0], one[1] = byte(i), 1
		issue.Account.Keys = append(issue.Account.Keys, one)
	}
	keys.Add, keys.Drop = issue.Account.Keys, keys.Drop[:0]
	named := shop.Keys[0]
	shop.Keys = nil
	for i := range 8 {
		named.KeyID = shop.Shop + "#key-" + string(rune('1'+i))
		shop.Keys = append(shop.Keys, named)
	}
	for _, s := range []ledger.Statement{issue, keys, shop} {
		if _, err := ledger.Payload(s); err != nil {
			t.Errorf("%s with as much as it may have: %v", ledger.HeadOf(s).Kind, err)
		}
	}
	twice := keys
	twice.Drop = keys.Add[:1]
	one[1] = 2
	issue.Account.Keys = append(issue.Account.Keys, one)
	keys.Add = issue.Account.Keys
	nothing := keys
	nothing.Add, nothing.Drop = keys.Add[:0], keys.Drop[:0]
	named.KeyID = shop.Shop + "#key-9"
	more := shop
	more.Keys = append(shop.Keys[:8:8], named)
	same := shop
	same.Keys = append(shop.Keys[:1:1], shop.Keys[0])
	for name, s := range map[string]ledger.Statement{"65 keys issued": issue, "65 keys added": keys, "nothing added or dropped": nothing,
		"a key added and dropped": twice, "9 shop keys": more, "a shop key twice": same} {
		if _, err := ledger.Payload(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
