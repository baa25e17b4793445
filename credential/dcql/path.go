package dcql

import (
	"encoding/json"
	"slices"
)

// A Path is a claims path pointer (Section 7): a string chooses a member of an object, an int an element of an array, nil all
// elements of an array. It is the Path of package sdjwt too, and converts to it.
type Path []any

// Equal reports whether p and o are the same path.
func (p Path) Equal(o Path) bool { return slices.Equal(p, o) }

// String returns the path as JSON, ["address","street"]. A path names claims and holds no values.
func (p Path) String() string {
	b, err := json.Marshal([]any(p))
	if err != nil {
		return "invalid path"
	}
	return string(b)
}

func parsePath(raw json.RawMessage) (Path, error) {
	var steps []json.RawMessage
	if raw == nil || json.Unmarshal(raw, &steps) != nil || len(steps) == 0 {
		return nil, refuse("a claim's path is missing, no array or empty")
	}
	if len(steps) > MaxPath {
		return nil, refuse("a path has more than %d steps", MaxPath)
	}
	var p Path
	for _, step := range steps {
		var name string
		var index int64
		switch {
		case string(step) == "null":
			p = append(p, nil)
		case json.Unmarshal(step, &name) == nil:
			p = append(p, name)
		case json.Unmarshal(step, &index) == nil && index >= 0 && index <= MaxIndex && step[0] != '-':
			p = append(p, int(index))
		default:
			return nil, refuse("a step of a path is neither string, null nor an index")
		}
	}
	return p, nil
}

// A found is a value in a credential and where it stands, without nil steps.
type found struct {
	at    Path
	value any
}

// find processes the pointer as Section 7.1.1 says. It returns nothing for what the section calls an error.
func (p Path) find(claims any) []found {
	selected := []found{{nil, claims}}
	for _, step := range p {
		var next []found
		for _, f := range selected {
			switch step := step.(type) {
			case string:
				object, ok := f.value.(map[string]any)
				if !ok {
					return nil
				}
				if v, ok := object[step]; ok {
					next = append(next, f.to(step, v))
				}
			case int:
				array, ok := f.value.([]any)
				if !ok {
					return nil
				}
				if step >= 0 && step < len(array) {
					next = append(next, f.to(step, array[step]))
				}
			case nil:
				array, ok := f.value.([]any)
				if !ok {
					return nil
				}
				for i, v := range array {
					next = append(next, f.to(i, v))
				}
			default:
				return nil
			}
		}
		selected = next
	}
	return selected
}

func (f found) to(step, value any) found {
	return found{append(slices.Clone(f.at), step), value}
}
