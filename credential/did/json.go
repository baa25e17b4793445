package did

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

const maxDepth = 32

// parseObject returns the members of one JSON object and refuses a member that is named twice at any depth: encoding/json
// keeps the last of two, another reader the first, and the two would see different keys.
func parseObject(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) || !json.Valid(b) {
		return nil, fmt.Errorf("%w: not one JSON value in UTF-8", errJSON)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := unique(dec, 0); err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil || m == nil {
		return nil, fmt.Errorf("%w: not an object", errJSON)
	}
	return m, nil
}

func unique(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: nested too deep", errJSON)
	}
	tok, err := dec.Token()
	if err != nil && err != io.EOF {
		return fmt.Errorf("%w: not one JSON value", errJSON)
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			tok, err := dec.Token()
			name, ok := tok.(string)
			if err != nil || !ok || names[name] {
				return fmt.Errorf("%w: a member is named twice", errJSON)
			}
			names[name] = true
		}
		if err := unique(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the closing delimiter
	return err
}
