package oid4vp

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"kindpakket/credential/jose"
)

// MaxTransactions is how many transaction_data strings one request may have.
const MaxTransactions = 8

// HashSHA256 is the hash algorithm that every implementation supports, and the only one here (Appendix B.3.3.1).
const HashSHA256 = "sha-256"

// TransactionData is one thing that the person is asked to agree to (OpenID4VP 1.0, Sections 5.1 and 8.4). Its type says
// what its other members mean; we keep them in Payload.
type TransactionData struct {
	Text          string   // the string as it stood in the request
	Type          string   // type
	CredentialIDs []string // credential_ids: which credential queries may be used to agree
	Payload       []byte   // the JSON object, decoded from Text
}

// ParseTransactionData reads one transaction_data string: a base64url JSON object with a type, at least one credential id
// and, if it names hash algorithms, sha-256 among them.
func ParseTransactionData(s string) (TransactionData, error) {
	if len(s) > MaxTransactionData {
		return TransactionData{}, fmt.Errorf("parsing transaction data: %w", errTooLong)
	}
	payload, err := jose.DecodeSegment(s)
	if err != nil {
		return TransactionData{}, fmt.Errorf("parsing transaction data: %w", err)
	}
	m, err := jose.ParseObject(payload)
	if err != nil {
		return TransactionData{}, fmt.Errorf("parsing transaction data: %w", err)
	}
	d := TransactionData{Text: s, Payload: payload}
	var algs *[]string
	err = members(m, map[string]any{"type": &d.Type, "credential_ids": &d.CredentialIDs, "transaction_data_hashes_alg": &algs})
	switch {
	case err != nil:
		return TransactionData{}, fmt.Errorf("parsing transaction data: %w", err)
	case d.Type == "":
		return TransactionData{}, errors.New("parsing transaction data: no type")
	case len(d.CredentialIDs) == 0:
		return TransactionData{}, errors.New("parsing transaction data: no credential_ids")
	case algs != nil && !slices.Contains(*algs, HashSHA256):
		return TransactionData{}, errors.New("parsing transaction data: sha-256 is not among its hash algorithms")
	}
	return d, nil
}

// Hash returns [TransactionDataHash] of d.
func (d TransactionData) Hash() [32]byte { return TransactionDataHash(d.Text) }

// TransactionDataHash returns the SHA-256 of a transaction_data string as it stands, without decoding it (Appendix
// B.3.3.1). Of a Kindpakket order it is what the ledger calls bind.
func TransactionDataHash(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// transactions checks the transaction_data of a request on the wallet's side (Section 8.5, invalid_transaction_data).
func transactions(list []string, known []string, queries []query) ([]TransactionData, error) {
	if len(list) == 0 || len(list) > MaxTransactions {
		return nil, fmt.Errorf("not 1 to %d transactions", MaxTransactions)
	}
	var out []TransactionData
	for _, s := range list {
		d, err := ParseTransactionData(s)
		if err != nil {
			return nil, err
		}
		// Section 5.1: even one unrecognized type makes the wallet refuse.
		if !slices.Contains(known, d.Type) {
			return nil, errors.New("a transaction data type is not known")
		}
		for _, id := range d.CredentialIDs {
			i := slices.IndexFunc(queries, func(q query) bool { return q.ID == id })
			if i < 0 {
				return nil, errors.New("credential_ids names no credential query")
			}
			// Appendix B.3.3: without holder binding there is nothing that could agree.
			if queries[i].HolderBinding != nil && !*queries[i].HolderBinding {
				return nil, errors.New("transaction data without holder binding")
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// query is what this package needs to know of a DCQL credential query. The rest is for package dcql.
type query struct {
	ID            string `json:"id"`
	HolderBinding *bool  `json:"require_cryptographic_holder_binding"`
}

// parseQueries returns the credential queries of a DCQL query: at least one, ids of letters, digits, "_" and "-", none
// twice (Section 6.1).
func parseQueries(raw json.RawMessage) ([]query, error) {
	var q struct {
		Credentials []query `json:"credentials"`
	}
	if err := decode(raw, MaxRequest, &q); err != nil {
		return nil, fmt.Errorf("dcql_query: %w", err)
	}
	if len(q.Credentials) == 0 {
		return nil, errors.New("dcql_query asks for no credential")
	}
	seen := map[string]bool{}
	for _, c := range q.Credentials {
		if !queryID(c.ID) {
			return nil, errors.New("dcql_query has an id that is empty or not of letters, digits, _ and -")
		}
		if seen[c.ID] {
			return nil, errors.New("dcql_query uses an id twice")
		}
		seen[c.ID] = true
	}
	return q.Credentials, nil
}

func queryID(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
