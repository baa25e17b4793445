package bbs_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kindpakket/credential/bbs"
	"kindpakket/credential/bbs/curve"
)

// hexBytes is a byte string in the fixtures.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*h = nil
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	var err error
	*h, err = hex.DecodeString(s)
	return err
}

func plain(in []hexBytes) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = in[i]
	}
	return out
}

type keyPair struct {
	SecretKey, PublicKey hexBytes
}

// fixture is the union of the members of every kind of file.
type fixture struct {
	CaseName string
	// keypair.json
	KeyMaterial, KeyInfo, KeyDst hexBytes
	KeyPair                      keyPair
	// h2s.json, MapMessageToScalarAsHash.json
	Message, Dst, Scalar hexBytes
	Cases                []struct{ Message, Scalar hexBytes }
	// mockedRng.json
	Seed          hexBytes
	MockedScalars []hexBytes
	// generators.json
	P1, Q1        hexBytes
	MsgGenerators []hexBytes
	// signature, proof
	SignerKeyPair              keyPair
	SignerPublicKey, Signature hexBytes
	Header, PresentationHeader hexBytes
	Messages                   []hexBytes
	DisclosedIndexes           []int
	Proof                      hexBytes
	Result                     struct{ Valid bool }
	Trace                      struct{ Domain, B hexBytes }
	MockRngParameters          struct {
		SEED          string
		Commit, Proof struct {
			DST   string
			Count int
		}
	}
	CommittedMessages         []hexBytes
	ProverBlind               hexBytes
	CommitmentWithProof       *string
	RevealedMessages          map[int]hexBytes
	RevealedCommittedMessages map[int]hexBytes
	L                         int
}

// readFixtures calls test once for each file below dir, which must hold the given number of files.
func readFixtures(t *testing.T, dir string, want int, test func(t *testing.T, suite bbs.Suite, name string, f fixture)) {
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		files++
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if name == "messages.json" {
			return nil // repeated inside the others; read by TestMessages…
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		suite := bbs.SHA256
		if strings.HasPrefix(name, "bls12-381-shake-256/") {
			suite = bbs.SHAKE256
		}
		t.Run(name, func(t *testing.T) {
			var f fixture
			if strings.HasSuffix(name, "generators.json") && strings.Contains(dir, "blind") {
				testBlindGenerators(t, suite, b)
				return
			}
			if err := json.Unmarshal(b, &f); err != nil {
				t.Fatal(err)
			}
			test(t, suite, name, f)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files != want {
		t.Fatalf("got %d files under %s, want %d", files, dir, want)
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %x, want %x", what, got, want)
	}
}

const mockSeed = "3.141592653589793238462643383279"

func TestFixtures(t *testing.T) {
	readFixtures(t, "testdata/bbs-fixtures", 61, func(t *testing.T, suite bbs.Suite, name string, f fixture) {
		id := suite.String()
		switch kind := filepath.Base(filepath.Dir(name)); {
		case kind == "signature":
			testSignature(t, suite, f)
		case kind == "proof":
			testProof(t, suite, f)
		case strings.HasSuffix(name, "keypair.json"):
			key, err := bbs.KeyGenTag(suite, f.KeyMaterial, f.KeyInfo, string(f.KeyDst))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "secret key", key.Bytes(), f.KeyPair.SecretKey)
			same(t, "public key", key.Public().Bytes(), f.KeyPair.PublicKey)
		case strings.HasSuffix(name, "h2s.json"):
			x := suite.Curve().HashToScalar(f.Message, f.Dst)
			same(t, "scalar", x.Marshal(), f.Scalar)
		case strings.HasSuffix(name, "MapMessageToScalarAsHash.json"):
			for _, c := range f.Cases {
				x := suite.Curve().HashToScalar(c.Message, f.Dst)
				same(t, "scalar", x.Marshal(), c.Scalar)
			}
			same(t, "tag", []byte(id+"H2G_HM2S_MAP_MSG_TO_SCALAR_AS_HASH_"), f.Dst)
		case strings.HasSuffix(name, "mockedRng.json"):
			for i, x := range bbs.Seeded(suite, string(f.Seed), string(f.Dst), len(f.MockedScalars)) {
				same(t, "scalar", x.Marshal(), f.MockedScalars[i])
			}
		case strings.HasSuffix(name, "generators.json"):
			testGenerators(t, suite, id+"H2G_HM2S_", f)
		default:
			t.Fatalf("no test for this kind of file")
		}
	})
}

func testGenerators(t *testing.T, suite bbs.Suite, apiID string, f fixture) {
	p1 := suite.Curve().P1()
	same(t, "P1", curve.AppendPoint(nil, &p1), f.P1)
	points := suite.Curve().Generators(len(f.MsgGenerators)+1, apiID)
	for i, want := range append([]hexBytes{f.Q1}, f.MsgGenerators...) {
		same(t, "generator", curve.AppendPoint(nil, &points[i]), want)
	}
}

func testSignature(t *testing.T, suite bbs.Suite, f fixture) {
	key, err := bbs.ParseSecretKey(suite, f.SignerKeyPair.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	public, err := bbs.ParsePublicKey(suite, f.SignerKeyPair.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := bbs.ParseSignature(f.Signature)
	if err != nil {
		t.Fatal(err)
	}
	err = public.Verify(sig, f.Header, plain(f.Messages))
	if (err == nil) != f.Result.Valid {
		t.Errorf("Verify says %v, want valid = %v", err, f.Result.Valid)
	}
	got, err := key.Sign(f.Header, plain(f.Messages))
	if err != nil {
		t.Fatal(err)
	}
	if (got.Equal(sig) && bytes.Equal(key.Public().Bytes(), public.Bytes())) != f.Result.Valid {
		t.Errorf("Sign gave %x, the fixture has %x, valid = %v", got.Bytes(), sig.Bytes(), f.Result.Valid)
	}
	if f.Result.Valid {
		same(t, "domain", public.Domain(f.Header, len(f.Messages), -1), f.Trace.Domain)
	}
}

func testProof(t *testing.T, suite bbs.Suite, f fixture) {
	public, err := bbs.ParsePublicKey(suite, f.SignerPublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := bbs.ParseSignature(f.Signature)
	if err != nil {
		t.Fatal(err)
	}
	disclosed := make(map[int][]byte)
	for _, at := range f.DisclosedIndexes {
		disclosed[at] = f.Messages[at]
	}
	proof, err := bbs.ParseProof(f.Proof)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "proof written back", proof.Bytes(), f.Proof)
	err = public.ProofVerify(proof, f.Header, f.PresentationHeader, disclosed)
	if (err == nil) != f.Result.Valid {
		t.Errorf("ProofVerify says %v, want valid = %v", err, f.Result.Valid)
	}
	if !f.Result.Valid {
		return
	}
	scalars := bbs.Seeded(suite, mockSeed, suite.String()+"H2G_HM2S_MOCK_RANDOM_SCALARS_DST_", 5+len(f.Messages)-len(f.DisclosedIndexes))
	got, err := public.ProofGenWith(scalars, sig, f.Header, f.PresentationHeader, plain(f.Messages), f.DisclosedIndexes)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "proof", got.Bytes(), f.Proof)
}

func testBlindGenerators(t *testing.T, suite bbs.Suite, b []byte) {
	var f struct {
		Generators, BlindGenerators struct {
			APIID         string `json:"api_id"`
			P1, Q1        hexBytes
			MsgGenerators []hexBytes
		}
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	testGenerators(t, suite, suite.String()+"BLIND_H2G_HM2S_", fixture{P1: f.Generators.P1, Q1: f.Generators.Q1, MsgGenerators: f.Generators.MsgGenerators})
	testGenerators(t, suite, "BLIND_"+suite.String()+"BLIND_H2G_HM2S_", fixture{P1: f.BlindGenerators.P1, Q1: f.BlindGenerators.Q1, MsgGenerators: f.BlindGenerators.MsgGenerators})
	same(t, "api_id", []byte("BLIND_"+suite.String()+"BLIND_H2G_HM2S_"), []byte(f.BlindGenerators.APIID))
}

func TestBlindFixtures(t *testing.T) {
	readFixtures(t, "testdata/blind-bbs-fixtures", 33, func(t *testing.T, suite bbs.Suite, name string, f fixture) {
		switch filepath.Base(filepath.Dir(name)) {
		case "commit":
			testCommit(t, suite, f)
		case "signature":
			testBlindSignature(t, suite, f)
		case "proof":
			testBlindProof(t, suite, f)
		default:
			t.Fatalf("no test for this kind of file")
		}
	})
}

func testCommit(t *testing.T, suite bbs.Suite, f fixture) {
	mock := f.MockRngParameters
	commitment, blind, err := suite.CommitPrescribed(bbs.Seeded(suite, mock.SEED, mock.Commit.DST, mock.Commit.Count), plain(f.CommittedMessages))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "commitment", commitment.Bytes(), unhex(t, *f.CommitmentWithProof))
	same(t, "prover blind", blind.Bytes(), f.ProverBlind)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// holderPart reads commitment and blind, which may be absent.
func holderPart(t *testing.T, f fixture) (*bbs.Commitment, bbs.ProverBlind) {
	t.Helper()
	if f.CommitmentWithProof == nil || *f.CommitmentWithProof == "" {
		return nil, bbs.ProverBlind{}
	}
	b := unhex(t, *f.CommitmentWithProof)
	c, err := bbs.ParseCommitment(b)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "commitment written back", c.Bytes(), b)
	blind, err := bbs.ParseProverBlind(f.ProverBlind)
	if err != nil {
		t.Fatal(err)
	}
	return &c, blind
}

func testBlindSignature(t *testing.T, suite bbs.Suite, f fixture) {
	key, err := bbs.ParseSecretKey(suite, f.SignerKeyPair.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	commitment, blind := holderPart(t, f)
	sig, err := key.BlindSign(commitment, f.Header, plain(f.Messages))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "signature", sig.Bytes(), f.Signature)
	if err := key.Public().VerifyBlindSign(sig, f.Header, plain(f.Messages), plain(f.CommittedMessages), blind); err != nil {
		t.Error(err)
	}
	if err := key.Public().VerifyBlindSign(sig, append([]byte{1}, f.Header...), plain(f.Messages), plain(f.CommittedMessages), blind); err == nil {
		t.Error("verified under another header")
	}
}

func testBlindProof(t *testing.T, suite bbs.Suite, f fixture) {
	public, err := bbs.ParsePublicKey(suite, f.SignerPublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := bbs.ParseSignature(f.Signature)
	if err != nil {
		t.Fatal(err)
	}
	// A proof needs the blind alone, which matters: the commitment in bls12-381-sha-256/proof/proof005.json, as published,
	// has a letter "s" among its hexadecimal digits.
	blind, err := bbs.ParseProverBlind(append(make([]byte, 32-len(f.ProverBlind)), f.ProverBlind...))
	if err != nil {
		t.Fatal(err)
	}
	disclosed, committed := revealed(f.RevealedMessages), revealed(f.RevealedCommittedMessages)
	proof, err := bbs.ParseProof(f.Proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := public.BlindProofVerify(proof, f.Header, f.PresentationHeader, f.L, disclosed, committed); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]error{
		"another presentation header": public.BlindProofVerify(proof, f.Header, []byte("other"), f.L, disclosed, committed),
		"another number of messages":  public.BlindProofVerify(proof, f.Header, f.PresentationHeader, f.L-1, disclosed, committed),
		"no disclosed messages":       public.BlindProofVerify(proof, f.Header, f.PresentationHeader, f.L, nil, committed),
	} {
		if wrong == nil && (name != "no disclosed messages" || len(disclosed) > 0) {
			t.Errorf("verified with %s", name)
		}
	}
	var all struct{ Messages, CommittedMessages []hexBytes }
	b, err := os.ReadFile("testdata/blind-bbs-fixtures/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	hidden := [][]byte{}
	if n := f.MockRngParameters.Commit.Count - 2; n > 0 {
		hidden = plain(all.CommittedMessages)[:n]
	}
	mock := f.MockRngParameters
	got, err := public.BlindProofGenWith(bbs.Seeded(suite, mock.SEED, mock.Proof.DST, mock.Proof.Count), sig, f.Header, f.PresentationHeader,
		plain(all.Messages)[:f.L], hidden, blind, slices.Collect(maps.Keys(disclosed)), slices.Collect(maps.Keys(committed)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "proof", got.Bytes(), f.Proof)
}

func revealed(m map[int]hexBytes) map[int][]byte {
	out := make(map[int][]byte, len(m))
	for at, b := range m {
		out[at] = b
	}
	return out
}
