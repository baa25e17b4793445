package purse

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"kindpakket/credential/bbs/curve"
)

var update = flag.Bool("update", false, "rewrite generators.bin")

// The embedded points are P1 of the suite and create_generators(25, api_id).
func TestEmbeddedGenerators(t *testing.T) {
	var want []byte
	for _, p := range append([]curve.Point{curve.SHA256.P1()}, curve.SHA256.Generators(25, apiID)...) {
		raw := p.RawBytes()
		want = append(want, raw[:]...)
	}
	if *update {
		if err := os.WriteFile("generators.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(generatorBytes, want) {
		t.Error("generators.bin is not create_generators(25, api_id)")
	}
}
