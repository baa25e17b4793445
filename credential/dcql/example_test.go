package dcql_test

import (
	"encoding/json"
	"fmt"

	"kindpakket/credential/dcql"
)

func Example() {
	// The shop asks for a card of this fund, by its type, and for the claims that it may see.
	query, err := json.Marshal(dcql.Query{Credentials: []dcql.Credential{{
		ID:     "card",
		Format: "dc+sd-jwt",
		Meta:   dcql.Meta{VCT: []string{"https://zuidhorn.example/vct/kindpakket"}},
		Claims: []dcql.Claim{{Path: dcql.Path{"fund"}, Values: []any{"kindpakket"}}, {Path: dcql.Path{"period"}}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The wallet looks what it has.
	q, err := dcql.Parse(query)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := dcql.Match(q, []dcql.Candidate{{
		Format: "dc+sd-jwt",
		Types:  []string{"https://zuidhorn.example/vct/kindpakket"},
		Claims: map[string]any{"fund": "kindpakket", "period": "2027", "children": 2.0},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range answer.Chosen {
		fmt.Println(c.Query.ID, c.Candidate, c.Paths)
	}
	// Output: card 0 [["fund"] ["period"]]
}
