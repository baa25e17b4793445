package bbs

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"kindpakket/credential/bbs"
)

type request struct {
	Op           string   `json:"op"`
	Suite        string   `json:"suite"`
	Secret       string   `json:"secret,omitempty"`
	Public       string   `json:"public,omitempty"`
	Signature    string   `json:"signature,omitempty"`
	Proof        string   `json:"proof,omitempty"`
	Header       string   `json:"header"`
	Presentation string   `json:"presentation"`
	Messages     []string `json:"messages"`
	Shown        []int    `json:"shown"`
}

type answer struct {
	Secret, Public, Signature, Proof string
	OK                               bool
	Error                            string
}

// peer is the running node.
type peer struct {
	t   *testing.T
	in  *json.Encoder
	out *bufio.Scanner
}

func startPeer(t *testing.T) *peer {
	t.Helper()
	if _, err := os.Stat("node_modules/@digitalbazaar/bbs-signatures"); err != nil {
		t.Fatal("the peer is not installed: start this with ./run")
	}
	node := exec.CommandContext(t.Context(), "node", "peer.mjs")
	node.Stderr = os.Stderr
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := node.Wait(); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	return &peer{t, json.NewEncoder(in), scanner}
}

func (p *peer) ask(r request) answer {
	p.t.Helper()
	if r.Messages == nil {
		r.Messages = []string{}
	}
	if r.Shown == nil {
		r.Shown = []int{}
	}
	if err := p.in.Encode(r); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("the peer ended: %v", p.out.Err())
	}
	var a answer
	if err := json.Unmarshal(p.out.Bytes(), &a); err != nil {
		p.t.Fatal(err)
	}
	return a
}

// do is ask for what must succeed.
func (p *peer) do(r request) answer {
	p.t.Helper()
	a := p.ask(r)
	if a.Error != "" {
		p.t.Fatalf("%s: %s", r.Op, a.Error)
	}
	return a
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hexes(in [][]byte) []string {
	out := make([]string, len(in))
	for i := range in {
		out[i] = hex.EncodeToString(in[i])
	}
	return out
}

// cases are lists of messages, and which of them are shown.
var cases = []struct {
	messages int
	shown    []int
}{{1, []int{0}}, {1, nil}, {5, []int{0, 2, 4}}, {10, nil}, {10, []int{3}}, {10, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}}

func TestBothDirections(t *testing.T) {
	node := startPeer(t)
	for name, suite := range map[string]bbs.Suite{"BLS12-381-SHA-256": bbs.SHA256, "BLS12-381-SHAKE-256": bbs.SHAKE256} {
		// One key each, made by one side and read by the other.
		material := make([]byte, 32)
		rand.Read(material)
		ours, err := bbs.KeyGen(suite, material, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := node.do(request{Op: "public", Suite: name, Secret: hex.EncodeToString(ours.Bytes())}); got.Public != hex.EncodeToString(ours.Public().Bytes()) {
			t.Errorf("%s: the peer computes another public key from our secret one", name)
		}
		pair := node.do(request{Op: "keys", Suite: name})
		theirs, err := bbs.ParseSecretKey(suite, unhex(t, pair.Secret))
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(theirs.Public().Bytes()) != pair.Public {
			t.Errorf("%s: we compute another public key from the peer's secret one", name)
		}
		for _, key := range []*bbs.SecretKey{ours, theirs} {
			for n, c := range cases {
				t.Run(fmt.Sprintf("%s/%d of %d", name, len(c.shown), c.messages), func(t *testing.T) {
					node.t = t
					exchange(t, node, name, key, n, c.messages, c.shown)
				})
			}
		}
	}
}

// exchange signs and proves on both sides and has each side verify the other's.
func exchange(t *testing.T, node *peer, suite string, key *bbs.SecretKey, n, count int, shown []int) {
	messages := make([][]byte, count)
	for i := range messages {
		messages[i] = fmt.Appendf(nil, "message %d of case %d", i, n)
	}
	messages[0] = nil // an empty message is one too
	header, nonce := fmt.Appendf(nil, "header %d", n), []byte("presentation")
	if n%2 == 1 {
		header = nil
	}
	base := request{
		Suite: suite, Secret: hex.EncodeToString(key.Bytes()), Public: hex.EncodeToString(key.Public().Bytes()),
		Header: hex.EncodeToString(header), Presentation: hex.EncodeToString(nonce), Messages: hexes(messages), Shown: shown,
	}
	ask := func(op string, change func(r *request)) request {
		r := base
		r.Op = op
		change(&r)
		return r
	}
	disclosed := make(map[int][]byte)
	for _, i := range shown {
		disclosed[i] = messages[i]
	}

	// Signing is deterministic: both must write the same bytes.
	sig, err := key.Sign(header, messages)
	if err != nil {
		t.Fatal(err)
	}
	base.Signature = hex.EncodeToString(sig.Bytes())
	signed := node.do(ask("sign", func(*request) {}))
	if signed.Signature != base.Signature {
		t.Error("the two sign differently")
	}
	peerSig, err := bbs.ParseSignature(unhex(t, signed.Signature))
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Public().Verify(peerSig, header, messages); err != nil {
		t.Errorf("we refuse the peer's signature: %v", err)
	}
	if !node.do(ask("verify", func(*request) {})).OK {
		t.Error("the peer refuses our signature")
	}
	wrong := append([][]byte(nil), messages...)
	wrong[count-1] = []byte("another message")
	if node.ask(ask("verify", func(r *request) { r.Messages = hexes(wrong) })).OK {
		t.Error("the peer accepts our signature for another message")
	}

	// Our proof, their verifier.
	proof, err := key.Public().ProofGen(sig, header, nonce, messages, shown)
	if err != nil {
		t.Fatal(err)
	}
	ourProof := func(r *request) { r.Proof = hex.EncodeToString(proof.Bytes()) }
	if a := node.ask(ask("verifyProof", ourProof)); !a.OK {
		t.Errorf("the peer refuses our proof: %s", a.Error)
	}
	if node.ask(ask("verifyProof", func(r *request) { ourProof(r); r.Presentation = "00" })).OK {
		t.Error("the peer accepts our proof for another presentation header")
	}

	// Their proof, our verifier.
	made := node.do(ask("prove", func(*request) {}))
	theirProof, err := bbs.ParseProof(unhex(t, made.Proof))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirProof.Bytes(), unhex(t, made.Proof)) {
		t.Error("we write the peer's proof back otherwise")
	}
	if err := key.Public().ProofVerify(theirProof, header, nonce, disclosed); err != nil {
		t.Errorf("we refuse the peer's proof: %v", err)
	}
	if err := key.Public().ProofVerify(theirProof, header, []byte{0}, disclosed); err == nil {
		t.Error("we accept the peer's proof for another presentation header")
	}
	if len(shown) > 0 {
		disclosed[shown[0]] = []byte("another message")
		if err := key.Public().ProofVerify(theirProof, header, nonce, disclosed); err == nil {
			t.Error("we accept the peer's proof of another message")
		}
	}
}
