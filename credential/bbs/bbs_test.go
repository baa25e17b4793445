package bbs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"kindpakket/credential/bbs"

	"pgregory.net/rapid"
)

var suites = []bbs.Suite{bbs.SHA256, bbs.SHAKE256}

func newKey(t testing.TB, s bbs.Suite) *bbs.SecretKey {
	t.Helper()
	key, err := bbs.KeyGen(s, bytes.Repeat([]byte{7}, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func messages(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "message %d", i)
	}
	return out
}

func pick(all [][]byte, at ...int) map[int][]byte {
	out := make(map[int][]byte)
	for _, i := range at {
		out[i] = all[i]
	}
	return out
}

func TestProofOfAnySubsetVerifies(t *testing.T) {
	key := newKey(t, bbs.SHA256)
	rapid.Check(t, func(t *rapid.T) {
		all := messages(rapid.IntRange(0, 6).Draw(t, "messages"))
		header := rapid.SliceOf(rapid.Byte()).Draw(t, "header")
		sig, err := key.Sign(header, all)
		if err != nil {
			t.Fatal(err)
		}
		var shown []int
		for i := range all {
			if rapid.Bool().Draw(t, "shown") {
				shown = append(shown, i)
			}
		}
		proof, err := key.Public().ProofGen(sig, header, []byte("nonce"), all, shown)
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Public().ProofVerify(proof, header, []byte("nonce"), pick(all, shown...)); err != nil {
			t.Fatal(err)
		}
		again, err := bbs.ParseProof(proof.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Public().ProofVerify(again, header, []byte("nonce"), pick(all, shown...)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestProofVerifyRefuses(t *testing.T) {
	for _, suite := range suites {
		key := newKey(t, suite)
		public := key.Public()
		all := messages(5)
		sig, err := key.Sign([]byte("header"), all)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := public.ProofGen(sig, []byte("header"), []byte("nonce"), all, []int{1, 3})
		if err != nil {
			t.Fatal(err)
		}
		other := newKey(t, suites[0])
		if suite == suites[0] {
			other, err = bbs.KeyGen(suite, bytes.Repeat([]byte{8}, 32), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		changed := pick(all, 1, 3)
		changed[3] = []byte("message 4")
		for name, err := range map[string]error{
			"another key":                 other.Public().ProofVerify(proof, []byte("header"), []byte("nonce"), pick(all, 1, 3)),
			"another header":              public.ProofVerify(proof, []byte("headers"), []byte("nonce"), pick(all, 1, 3)),
			"another presentation header": public.ProofVerify(proof, []byte("header"), []byte("nonces"), pick(all, 1, 3)),
			"a changed message":           public.ProofVerify(proof, []byte("header"), []byte("nonce"), changed),
			"another place":               public.ProofVerify(proof, []byte("header"), []byte("nonce"), map[int][]byte{1: all[1], 2: all[3]}),
			"a message more":              public.ProofVerify(proof, []byte("header"), []byte("nonce"), pick(all, 1, 2, 3)),
			"a message less":              public.ProofVerify(proof, []byte("header"), []byte("nonce"), pick(all, 1)),
			"an index out of range":       public.ProofVerify(proof, []byte("header"), []byte("nonce"), map[int][]byte{1: all[1], 5: all[3]}),
			"a negative index":            public.ProofVerify(proof, []byte("header"), []byte("nonce"), map[int][]byte{1: all[1], -1: all[3]}),
			"the zero proof":              public.ProofVerify(bbs.Proof{}, []byte("header"), []byte("nonce"), pick(all, 1, 3)),
			"the blind interface":         public.BlindProofVerify(proof, []byte("header"), []byte("nonce"), 4, pick(all, 1, 3), nil),
		} {
			if err == nil {
				t.Errorf("%v: verified with %s", suite, name)
			}
		}
		// Every part of the proof counts.
		for at := 0; at < len(proof.Bytes()); at += 16 {
			b := proof.Bytes()
			b[at+15] ^= 1
			if p, err := bbs.ParseProof(b); err == nil && public.ProofVerify(p, []byte("header"), []byte("nonce"), pick(all, 1, 3)) == nil {
				t.Errorf("%v: verified with byte %d changed", suite, at+15)
			}
		}
	}
}

func TestProofsOfOneSignatureShareNothing(t *testing.T) {
	key := newKey(t, bbs.SHA256)
	all := messages(4)
	sig, err := key.Sign(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for range 4 {
		proof, err := key.Public().ProofGen(sig, nil, nil, all, []int{0})
		if err != nil {
			t.Fatal(err)
		}
		b := proof.Bytes()
		for at := 0; at+16 <= len(b); at += 16 {
			if part := string(b[at : at+16]); seen[part] {
				t.Fatalf("sixteen bytes at %d occur twice", at)
			} else {
				seen[part] = true
			}
		}
	}
}

func TestBlindRoundTrip(t *testing.T) {
	for _, suite := range suites {
		key := newKey(t, suite)
		open, secret := messages(3), [][]byte{[]byte("holder secret"), []byte("second")}
		commitment, blind, err := suite.Commit(secret)
		if err != nil {
			t.Fatal(err)
		}
		commitment, err = bbs.ParseCommitment(commitment.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		sig, err := key.BlindSign(&commitment, []byte("h"), open)
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Public().VerifyBlindSign(sig, []byte("h"), open, secret, blind); err != nil {
			t.Error(err)
		}
		_, wrong, err := suite.Commit(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Public().VerifyBlindSign(sig, []byte("h"), open, secret, wrong); !errors.Is(err, bbs.ErrSignature) {
			t.Errorf("another blind: got %v, want ErrSignature", err)
		}
		proof, err := key.Public().BlindProofGen(sig, []byte("h"), nil, open, secret, blind, []int{2}, []int{1})
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Public().BlindProofVerify(proof, []byte("h"), nil, 3, pick(open, 2), pick(secret, 1)); err != nil {
			t.Error(err)
		}
		for name, err := range map[string]error{
			"n one less":          key.Public().BlindProofVerify(proof, []byte("h"), nil, 2, map[int][]byte{1: open[2]}, pick(secret, 1)),
			"n one more":          key.Public().BlindProofVerify(proof, []byte("h"), nil, 4, pick(open, 2), map[int][]byte{0: secret[1]}),
			"n beyond everything": key.Public().BlindProofVerify(proof, []byte("h"), nil, 400, pick(open, 2), nil),
			"the plain interface": key.Public().ProofVerify(proof, []byte("h"), nil, pick(open, 2)),
		} {
			if err == nil {
				t.Errorf("verified with %s", name)
			}
		}
		again, err := suite.CommitWith(blind, secret)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes()[:48], commitment.Bytes()[:48]) || bytes.Equal(again.Bytes(), commitment.Bytes()) {
			t.Error("CommitWith must give the same point and a fresh proof")
		}
		if _, err := suite.CommitWith(bbs.ProverBlind{}, secret); err == nil {
			t.Error("committed with a factor of zero")
		}
	}
}

func TestBlindSignRefusesForgedCommitments(t *testing.T) {
	key := newKey(t, bbs.SHA256)
	commitment, _, err := bbs.SHA256.Commit(messages(2))
	if err != nil {
		t.Fatal(err)
	}
	good := commitment.Bytes()
	for at := 48 + 31; at < len(good); at += 32 {
		b := append([]byte(nil), good...)
		b[at] ^= 1
		c, err := bbs.ParseCommitment(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.BlindSign(&c, nil, nil); !errors.Is(err, bbs.ErrCommitment) {
			t.Errorf("byte %d changed: got %v, want ErrCommitment", at, err)
		}
	}
	other, _, err := bbs.SHA256.Commit(messages(2))
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := bbs.ParseCommitment(append(append([]byte(nil), other.Bytes()[:48]...), good[48:]...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.BlindSign(&mixed, nil, nil); !errors.Is(err, bbs.ErrCommitment) {
		t.Errorf("another point: got %v, want ErrCommitment", err)
	}
	if _, err := key.BlindSign(&bbs.Commitment{}, nil, nil); err == nil {
		t.Error("signed the zero commitment")
	}
}

func TestLimits(t *testing.T) {
	key := newKey(t, bbs.SHA256)
	sig, err := key.Sign(nil, messages(3))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(nil, make([][]byte, bbs.MaxMessages+1)); !errors.Is(err, bbs.ErrTooMany) {
		t.Errorf("signing too many messages: %v", err)
	}
	if err := key.Public().Verify(sig, nil, make([][]byte, bbs.MaxMessages+1)); !errors.Is(err, bbs.ErrTooMany) {
		t.Errorf("verifying too many messages: %v", err)
	}
	if _, err := key.Sign(make([]byte, bbs.MaxHeader+1), nil); !errors.Is(err, bbs.ErrMalformed) {
		t.Errorf("too long a header: %v", err)
	}
	for _, at := range [][]int{{3}, {-1}, {0, 0}} {
		if _, err := key.Public().ProofGen(sig, nil, nil, messages(3), at); !errors.Is(err, bbs.ErrIndex) {
			t.Errorf("disclosing %v: got %v, want ErrIndex", at, err)
		}
	}
	if _, err := bbs.KeyGen(bbs.SHA256, make([]byte, 31), nil); err == nil {
		t.Error("made a key of 31 bytes")
	}
	for _, parse := range []func(bbs.Suite) error{
		func(s bbs.Suite) error { _, err := bbs.KeyGen(s, make([]byte, 32), nil); return err },
		func(s bbs.Suite) error { _, err := bbs.ParseSecretKey(s, key.Bytes()); return err },
		func(s bbs.Suite) error { _, err := bbs.ParsePublicKey(s, key.Public().Bytes()); return err },
		func(s bbs.Suite) error { _, _, err := s.Commit(nil); return err },
	} {
		if err := parse(0); !errors.Is(err, bbs.ErrSuite) {
			t.Errorf("no suite: got %v, want ErrSuite", err)
		}
		if err := parse(bbs.SHA256); err != nil {
			t.Error(err)
		}
	}
	r := []byte("\x73\xed\xa7\x53\x29\x9d\x7d\x48\x33\x39\xd8\x08\x09\xa1\xd8\x05\x53\xbd\xa4\x02\xff\xfe\x5b\xfe\xff\xff\xff\xff\x00\x00\x00\x01")
	for _, b := range [][]byte{make([]byte, 32), r, nil, r[:31]} {
		if _, err := bbs.ParseSecretKey(bbs.SHA256, b); err == nil {
			t.Errorf("parsed %x as a key", b)
		}
	}
	if err := key.Public().Verify(bbs.Signature{}, nil, messages(3)); err == nil {
		t.Error("verified the zero signature")
	}
	if _, err := key.Public().ProofGen(bbs.Signature{}, nil, nil, messages(3), nil); err == nil {
		t.Error("proved the zero signature")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	key := newKey(t, bbs.SHA256)
	_, blind, err := bbs.SHA256.Commit(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []any{key, blind} {
		asJSON, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret)
		out := fmt.Sprintf("%v|%+v|%#v|%s|%x|%d|", secret, secret, secret, secret, secret, secret) + string(asJSON) + log.String()
		if n := strings.Count(out, "[redacted]"); n != 8 {
			t.Errorf("%d of 8 ways of printing are redacted: %s", n, out)
		}
	}
}

// A key is shared by every request of a server; run with -race.
func TestPublicKeyIsSafeForGoroutines(t *testing.T) {
	key := newKey(t, bbs.SHA256)
	all := messages(3)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			header := fmt.Appendf(nil, "header %d", i%2)
			sig, err := key.Sign(header, all)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 40 { // passes the number of contexts a key remembers
				if err := key.Public().Verify(sig, fmt.Appendf(nil, "wrong %d", n), all); err == nil {
					t.Error("verified under another header")
				}
			}
			proof, err := key.Public().ProofGen(sig, header, nil, all, []int{0})
			if err != nil {
				t.Error(err)
				return
			}
			if err := key.Public().ProofVerify(proof, header, nil, pick(all, 0)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func FuzzParseProof(f *testing.F) {
	key := newKey(f, bbs.SHA256)
	sig, err := key.Sign(nil, messages(2))
	if err != nil {
		f.Fatal(err)
	}
	for _, shown := range [][]int{nil, {0}, {0, 1}} {
		proof, err := key.Public().ProofGen(sig, nil, nil, messages(2), shown)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(proof.Bytes())
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := bbs.ParseProof(b); err == nil && !bytes.Equal(p.Bytes(), b) {
			t.Fatal("written back otherwise than read")
		}
	})
}

func FuzzParseSignature(f *testing.F) {
	sig, err := newKey(f, bbs.SHA256).Sign(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sig.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := bbs.ParseSignature(b); err == nil && !bytes.Equal(s.Bytes(), b) {
			t.Fatal("written back otherwise than read")
		}
	})
}

func FuzzParseCommitment(f *testing.F) {
	for n := range 3 {
		c, _, err := bbs.SHA256.Commit(messages(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := bbs.ParseCommitment(b); err == nil && !bytes.Equal(c.Bytes(), b) {
			t.Fatal("written back otherwise than read")
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	key := newKey(f, bbs.SHA256)
	f.Add(key.Bytes())
	f.Add(key.Public().Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := bbs.ParsePublicKey(bbs.SHA256, b); err == nil && !bytes.Equal(k.Bytes(), b) {
			t.Fatal("public key written back otherwise than read")
		}
		if k, err := bbs.ParseSecretKey(bbs.SHA256, b); err == nil && !bytes.Equal(k.Bytes(), b) {
			t.Fatal("secret key written back otherwise than read")
		}
		if x, err := bbs.ParseProverBlind(b); err == nil && !bytes.Equal(x.Bytes(), b) {
			t.Fatal("prover blind written back otherwise than read")
		}
	})
}

// A prover without a signature makes a proof whose challenge is right: the pairing alone refuses it.
func TestProofOfNoSignatureIsRefused(t *testing.T) {
	for _, suite := range suites {
		key := newKey(t, suite)
		public := key.Public()
		sig, err := key.Sign(nil, messages(3))
		if err != nil {
			t.Fatal(err)
		}
		other := messages(3)
		other[1] = []byte("never signed")
		stranger, err := bbs.KeyGen(suite, bytes.Repeat([]byte{9}, 32), nil)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := stranger.Sign(nil, messages(3))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			sig      bbs.Signature
			messages [][]byte
		}{
			"a message that was not signed": {sig, other},
			"another key's signature":       {foreign, messages(3)},
		} {
			proof, err := public.ProofGen(c.sig, nil, nil, c.messages, []int{0, 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := public.ProofVerify(proof, nil, nil, pick(c.messages, 0, 1)); !errors.Is(err, bbs.ErrProof) {
				t.Errorf("%v, %s: got %v, want ErrProof", suite, name, err)
			}
			blind, err := public.BlindProofGen(c.sig, nil, nil, c.messages, nil, bbs.ProverBlind{}, []int{0, 1}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := public.BlindProofVerify(blind, nil, nil, 3, pick(c.messages, 0, 1), nil); !errors.Is(err, bbs.ErrProof) {
				t.Errorf("%v, blind, %s: got %v, want ErrProof", suite, name, err)
			}
		}
	}
}
