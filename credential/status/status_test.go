package status_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/adler32"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/status"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

const uri = "https://zuidhorn.example/status/1"

func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func key(t testing.TB, seed byte) *jose.PrivateKey {
	t.Helper()
	k, err := jose.Generate(random(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pack compresses as another implementation might, without compression.
func pack(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := zlib.NewWriterLevel(&buf, zlib.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func listJSON(bits int, packed []byte) []byte {
	return fmt.Appendf(nil, `{"bits":%d,"lst":"%s"}`, bits, jose.EncodeSegment(packed))
}

// TestListBits has the examples of draft -20, Section 4.1: the bytes b9 a3 in 1 bit, c9 44 f9 in 2; and the same bytes
// in the other widths, by hand.
func TestListBits(t *testing.T) {
	for _, tc := range []struct {
		bits int
		data []byte
		want []status.Value
	}{
		{1, []byte{0xb9, 0xa3}, []status.Value{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, []byte{0xc9, 0x44, 0xf9}, []status.Value{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
		{4, []byte{0xc9, 0x44, 0xf0}, []status.Value{9, 12, 4, 4, 0, 15}},
		{8, []byte{0xc9, 0x44, 0xf9}, []status.Value{0xc9, 0x44, 0xf9}},
	} {
		l, err := status.ParseList(listJSON(tc.bits, pack(t, tc.data)))
		if err != nil {
			t.Fatal(err)
		}
		if l.Bits() != tc.bits || l.Len() != len(tc.want) {
			t.Errorf("got %d bits, %d statuses", l.Bits(), l.Len())
		}
		blank, err := status.ParseList(listJSON(tc.bits, pack(t, bytes.Repeat([]byte{0xff}, len(tc.data)))))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range tc.want {
			if got, err := l.Get(i); err != nil || got != want {
				t.Errorf("%d bits, index %d: got %d, %v, want %d", tc.bits, i, got, err, want)
			}
			if err := blank.Set(i, want); err != nil {
				t.Error(err)
			}
		}
		if got, want := encode(t, blank), encode(t, l); got != want {
			t.Errorf("%d bits, set one by one: got %s, want %s", tc.bits, got, want)
		}
		for _, i := range []int{-1, len(tc.want), 1 << 40} {
			if got, err := l.Get(i); !errors.Is(err, status.ErrIndex) {
				t.Errorf("index %d: got %d, %v, want ErrIndex", i, got, err)
			}
			if err := l.Set(i, 0); !errors.Is(err, status.ErrIndex) {
				t.Errorf("setting index %d: got %v, want ErrIndex", i, err)
			}
		}
		if tc.bits < 8 {
			if err := l.Set(0, 1<<tc.bits); err == nil {
				t.Errorf("%d bits: a status that does not fit was set", tc.bits)
			}
		}
	}
}

func encode(t testing.TB, l *status.List) string {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNew(t *testing.T) {
	l, err := status.New(20)
	if err != nil || l.Bits() != 1 || l.Len() != 24 {
		t.Fatalf("got %v, %v", l, err)
	}
	if err := l.Set(19, status.Invalid); err != nil {
		t.Fatal(err)
	}
	copied := l.Clone()
	if err := l.Set(3, status.Invalid); err != nil {
		t.Fatal(err)
	}
	again, err := status.ParseList([]byte(encode(t, copied)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range again.Len() {
		want := status.Valid
		if i == 19 {
			want = status.Invalid
		}
		if got, err := again.Get(i); err != nil || got != want {
			t.Errorf("index %d: got %d, %v, want %d", i, got, err, want)
		}
	}
	for _, n := range []int{0, -1, status.MaxIndex + 2} {
		if l, err := status.New(n); err == nil {
			t.Errorf("%d statuses: got %v", n, l.Len())
		}
	}
	// A great list of valid cards is small, and tells nothing about how many there are.
	great, err := status.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if text := encode(t, great); len(text) > 400 {
		t.Errorf("got %d bytes", len(text))
	}
}

func TestParseListRefuses(t *testing.T) {
	good := pack(t, []byte{1, 2, 3})
	text := jose.EncodeSegment(good)
	truncated := good[:len(good)-1]
	wrongSum := bytes.Clone(good)
	wrongSum[len(wrongSum)-1] ^= 1
	for name, b := range map[string][]byte{
		"empty":                {},
		"array":                []byte(`[]`),
		"no bits":              []byte(`{"lst":"` + text + `"}`),
		"no list":              []byte(`{"bits":1}`),
		"list is a number":     []byte(`{"bits":1,"lst":1}`),
		"list is empty":        []byte(`{"bits":1,"lst":""}`),
		"list is null":         []byte(`{"bits":1,"lst":null}`),
		"3 bits":               listJSON(3, good),
		"0 bits":               listJSON(0, good),
		"16 bits":              listJSON(16, good),
		"bits is text":         []byte(`{"bits":"1","lst":"` + text + `"}`),
		"bits is a fraction":   []byte(`{"bits":1.0,"lst":"` + text + `"}`),
		"bits twice":           []byte(`{"bits":1,"bits":2,"lst":"` + text + `"}`),
		"padding":              []byte(`{"bits":1,"lst":"` + text + `="}`),
		"line break":           []byte(`{"bits":1,"lst":"` + text[:2] + `\n` + text[2:] + `"}`),
		"not zlib":             listJSON(1, []byte("hello")),
		"raw deflate":          listJSON(1, rawDeflate(t, []byte{1, 2, 3})),
		"truncated":            listJSON(1, truncated),
		"checksum":             listJSON(1, wrongSum),
		"more after the end":   listJSON(1, append(bytes.Clone(good), 0)),
		"two streams":          listJSON(1, append(bytes.Clone(good), good...)),
		"nothing inside":       listJSON(1, pack(t, nil)),
		"one byte too many":    listJSON(1, bomb(t, status.MaxList+1)),
		"a bomb of a gigabyte": listJSON(1, bomb(t, 1<<30)),
		"a preset dictionary":  listJSON(1, dictionary(t)),
	} {
		if l, err := status.ParseList(b); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: got %v, %v, want ErrMalformed", name, l, err)
		}
	}
	if l, err := status.ParseList(listJSON(8, bomb(t, status.MaxList))); err != nil || l.Len() != status.MaxList {
		t.Errorf("the largest list: %v", err)
	}
}

// TestDecompressionIsCapped: a gigabyte of zeros in a megabyte costs no more than a full list.
func TestDecompressionIsCapped(t *testing.T) {
	b := listJSON(1, bomb(t, 1<<30))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if l, err := status.ParseList(b); !errors.Is(err, status.ErrMalformed) {
		t.Errorf("got %v, %v, want ErrMalformed", l, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
}

func rawDeflate(t testing.TB, data []byte) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// bomb is a short zlib stream of n zeros. The block for one megabyte is made once and repeated, so that the test is quick.
func bomb(t testing.TB, n int) []byte {
	var block bytes.Buffer
	w, err := flate.NewWriter(&block, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	const mega = 1 << 20
	if _, err := w.Write(make([]byte, mega)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	out := []byte{0x78, 0xda}
	for range n / mega {
		out = append(out, block.Bytes()...)
	}
	out = append(out, rawDeflate(t, make([]byte, n%mega))...)
	sum := uint32(1) | uint32(n%65521)<<16 // Adler-32 of n zeros
	if n < 1000 && sum != adler32.Checksum(make([]byte, n)) {
		t.Fatal("the checksum of zeros is wrong")
	}
	return binary.BigEndian.AppendUint32(out, sum)
}

func dictionary(t testing.TB) []byte {
	var buf bytes.Buffer
	w, err := zlib.NewWriterLevelDict(&buf, zlib.BestCompression, []byte("dictionary"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("dictionary")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestAllocate(t *testing.T) {
	const n = 100
	r := random(3)
	used := map[int]bool{}
	sequence := true
	last := -1
	for range n {
		i, err := status.Allocate(r, n, func(i int) bool { return used[i] })
		if err != nil {
			t.Fatal(err)
		}
		if used[i] || i < 0 || i >= n {
			t.Fatalf("index %d came twice or is outside", i)
		}
		used[i] = true
		sequence = sequence && i > last
		last = i
	}
	if sequence {
		t.Error("the indexes came in sequence")
	}
	if i, err := status.Allocate(r, n, func(i int) bool { return used[i] }); !errors.Is(err, status.ErrFull) {
		t.Errorf("got %d, %v, want ErrFull", i, err)
	}
	// Each place is as likely as another, also where only few are left.
	count := [4]int{}
	for range 4000 {
		i, err := status.Allocate(r, 10_000, func(i int) bool { return i%2500 != 0 })
		if err != nil {
			t.Fatal(err)
		}
		count[i/2500]++
	}
	for i, c := range count {
		if c < 850 || c > 1150 {
			t.Errorf("place %d came %d times of 4000", i, c)
		}
	}
	for _, n := range []int{0, -1, status.MaxIndex + 2} {
		if i, err := status.Allocate(r, n, func(int) bool { return false }); err == nil {
			t.Errorf("list of %d: got %d", n, i)
		}
	}
	if i, err := status.Allocate(strings.NewReader("short"), n, func(int) bool { return false }); err == nil {
		t.Errorf("randomness that ends: got %d", i)
	}
	if i, err := status.Allocate(strings.NewReader(strings.Repeat("x", 8*32)), n, func(i int) bool { return i != 5 }); err == nil {
		t.Errorf("randomness that ends in a full list: got %d", i)
	}
}

func trust(k jose.Key) func(jose.Header, string) (jose.Key, error) {
	return func(jose.Header, string) (jose.Key, error) { return k, nil }
}

func policy(t testing.TB) status.Policy {
	return status.Policy{URI: uri, Now: noon, Leeway: time.Minute, Key: trust(key(t, 1).Public())}
}

func token(t testing.TB) status.Token {
	l, err := status.New(100)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set(42, status.Invalid); err != nil {
		t.Fatal(err)
	}
	return status.Token{URI: uri, IssuedAt: noon.Add(-time.Hour), Expires: noon.Add(24 * time.Hour), TTL: 12 * time.Hour, List: l}
}

func TestIssueAndVerify(t *testing.T) {
	text, err := status.Issue(key(t, 1), jose.Header{KeyID: "1"}, token(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := status.Verify(text, policy(t))
	if err != nil {
		t.Fatal(err)
	}
	want := token(t)
	if got.URI != want.URI || !got.IssuedAt.Equal(want.IssuedAt) || !got.Expires.Equal(want.Expires) || got.TTL != want.TTL {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for i, want := range map[int]status.Value{41: status.Valid, 42: status.Invalid, 43: status.Valid} {
		if v, err := got.Status(status.Reference{Index: i, URI: uri}); err != nil || v != want {
			t.Errorf("index %d: got %d, %v, want %d", i, v, err, want)
		}
	}
	if v, err := got.Status(status.Reference{Index: 42, URI: uri + "0"}); !errors.Is(err, status.ErrOther) {
		t.Errorf("another list: got %d, %v, want ErrOther", v, err)
	}
	if v, err := got.Status(status.Reference{Index: 104, URI: uri}); !errors.Is(err, status.ErrIndex) {
		t.Errorf("outside: got %d, %v, want ErrIndex", v, err)
	}
	if !got.Fresh(noon, noon.Add(12*time.Hour-time.Second)) || got.Fresh(noon, noon.Add(12*time.Hour)) {
		t.Error("the ttl is not kept")
	}
	if (&status.Token{}).Fresh(noon, noon) {
		t.Error("a list without ttl is fresh")
	}
	for name, change := range map[string]func(*status.Token){
		"no URI":                func(s *status.Token) { s.URI = "" },
		"no URL":                func(s *status.Token) { s.URI = "urn:x" },
		"no time":               func(s *status.Token) { s.IssuedAt = time.Time{} },
		"no list":               func(s *status.Token) { s.List = nil },
		"negative ttl":          func(s *status.Token) { s.TTL = -1 },
		"expires before issued": func(s *status.Token) { s.Expires = s.IssuedAt },
	} {
		s := token(t)
		change(&s)
		if text, err := status.Issue(key(t, 1), jose.Header{}, s); err == nil {
			t.Errorf("%s: got %s", name, text)
		}
	}
	if text, err := status.Issue(key(t, 1), jose.Header{Extra: map[string]json.RawMessage{"jku": []byte(`"x"`)}}, token(t)); err == nil {
		t.Errorf("jku: got %s", text)
	}
}

func sign(t testing.TB, k *jose.PrivateKey, typ, payload string) string {
	t.Helper()
	text, err := jose.Sign(k, jose.Header{Type: typ}, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestVerifyRefuses has draft -20, Sections 5.1 and 8.3, each broken under a good signature.
func TestVerifyRefuses(t *testing.T) {
	k := key(t, 1)
	list := string(listJSON(1, pack(t, []byte{1})))
	with := func(s string) string { return sign(t, k, status.Type, `{"status_list":`+list+`,`+s+`}`) }
	sub := `"sub":"` + uri + `"`
	iat := fmt.Sprintf(`"iat":%d`, noon.Unix())
	at := func(name string, d time.Duration) string { return fmt.Sprintf(`"%s":%d`, name, noon.Add(d).Unix()) }
	good := with(sub + "," + iat + `,"nbf":1.5,"ttl":43200.5,"other":{}`)
	if got, err := status.Verify(good, policy(t)); err != nil || got.TTL != 12*time.Hour {
		t.Fatal(got, err)
	}
	if got, err := status.Verify(with(sub+","+iat+`,"ttl":200000000000`), policy(t)); err != nil || got.TTL < 24*365*time.Hour {
		t.Errorf("a ttl of ages: got %v, %v", got, err)
	}
	for name, tc := range map[string]struct {
		text   string
		change func(*status.Policy)
		want   error
	}{
		"no token":          {"", nil, status.ErrMalformed},
		"none":              {jose.EncodeSegment([]byte(`{"alg":"none","typ":"statuslist+jwt"}`)) + ".e30.", nil, status.ErrMalformed},
		"too long":          {good + strings.Repeat("A", status.MaxToken), nil, status.ErrMalformed},
		"typ JWT":           {sign(t, k, "JWT", `{"status_list":`+list+`,`+sub+`,`+iat+`}`), nil, status.ErrMalformed},
		"no typ":            {sign(t, k, "", `{"status_list":`+list+`,`+sub+`,`+iat+`}`), nil, status.ErrMalformed},
		"a credential":      {sign(t, k, "dc+sd-jwt", `{"status_list":`+list+`,`+sub+`,`+iat+`}`), nil, status.ErrMalformed},
		"another key":       {sign(t, key(t, 2), status.Type, `{"status_list":`+list+`,`+sub+`,`+iat+`}`), nil, status.ErrIssuer},
		"nobody is trusted": {good, func(p *status.Policy) { p.Key = nil }, status.ErrIssuer},
		"key cannot be had": {good, func(p *status.Policy) {
			p.Key = func(jose.Header, string) (jose.Key, error) { return jose.Key{}, errors.New("x") }
		}, status.ErrIssuer},
		"another list":        {good, func(p *status.Policy) { p.URI = uri + "/" }, status.ErrOther},
		"any list":            {good, func(p *status.Policy) { p.URI = "" }, status.ErrOther},
		"no sub":              {with(iat), func(p *status.Policy) { p.URI = "" }, status.ErrMalformed},
		"sub is a number":     {with(iat + `,"sub":1`), nil, status.ErrMalformed},
		"iss is a number":     {with(sub + "," + iat + `,"iss":1`), nil, status.ErrMalformed},
		"no iat":              {with(sub), nil, status.ErrMalformed},
		"iat is text":         {with(sub + `,"iat":"1"`), nil, status.ErrMalformed},
		"iat is null":         {with(sub + `,"iat":null`), nil, status.ErrMalformed},
		"from the future":     {with(sub + "," + at("iat", 2*time.Minute)), nil, status.ErrNotYet},
		"nbf in the future":   {with(sub + "," + iat + "," + at("nbf", 2*time.Minute)), nil, status.ErrNotYet},
		"expired":             {with(sub + "," + iat + "," + at("exp", -time.Minute)), nil, status.ErrExpired},
		"expired in 1970":     {with(sub + "," + iat + `,"exp":0`), nil, status.ErrExpired},
		"exp is text":         {with(sub + "," + iat + `,"exp":"never"`), nil, status.ErrMalformed},
		"exp is negative":     {with(sub + "," + iat + `,"exp":-1`), nil, status.ErrMalformed},
		"exp is endless":      {with(sub + "," + iat + `,"exp":1e300`), nil, status.ErrMalformed},
		"ttl is zero":         {with(sub + "," + iat + `,"ttl":0`), nil, status.ErrMalformed},
		"ttl is negative":     {with(sub + "," + iat + `,"ttl":-5`), nil, status.ErrMalformed},
		"ttl is text":         {with(sub + "," + iat + `,"ttl":"1"`), nil, status.ErrMalformed},
		"sub twice":           {with(sub + "," + sub + "," + iat), nil, status.ErrMalformed},
		"no list":             {sign(t, k, status.Type, `{`+sub+`,`+iat+`}`), nil, status.ErrMalformed},
		"a bomb":              {sign(t, k, status.Type, `{`+sub+`,`+iat+`,"status_list":`+string(listJSON(1, bomb(t, 1<<26)))+`}`), nil, status.ErrMalformed},
		"payload is an array": {sign(t, k, status.Type, `[]`), nil, status.ErrMalformed},
	} {
		p := policy(t)
		if tc.change != nil {
			tc.change(&p)
		}
		if got, err := status.Verify(tc.text, p); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, tc.want)
		}
	}
}

func TestReference(t *testing.T) {
	r := status.Reference{Index: 4711, URI: uri}
	b, err := json.Marshal(map[string]any{"status": r.Claim()})
	if err != nil {
		t.Fatal(err)
	}
	for name, number := range map[string]bool{"float64": false, "json.Number": true} {
		dec := json.NewDecoder(bytes.NewReader(b))
		if number {
			dec.UseNumber()
		}
		var claims map[string]any
		if err := dec.Decode(&claims); err != nil {
			t.Fatal(err)
		}
		if got, err := status.FromClaims(claims); err != nil || got != r {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, r)
		}
	}
	if got, err := status.FromClaims(map[string]any{"status": r.Claim()}); err != nil || got != r {
		t.Errorf("as made: got %+v, %v", got, err)
	}
	for name, claims := range map[string]map[string]any{
		"no status":        {},
		"another way":      {"status": map[string]any{"other": 1}},
		"no claims at all": nil,
	} {
		if got, err := status.FromClaims(claims); !errors.Is(err, status.ErrNoStatus) {
			t.Errorf("%s: got %+v, %v, want ErrNoStatus", name, got, err)
		}
	}
	for name, claims := range map[string]map[string]any{
		"status is text": {"status": "valid"},
		"status is null": {"status": nil},
		"list is text":   {"status": map[string]any{"status_list": "x"}},
		"list is null":   {"status": map[string]any{"status_list": nil}},
		"not JSON":       {"status": func() {}},
	} {
		if got, err := status.FromClaims(claims); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: got %+v, %v, want ErrMalformed", name, got, err)
		}
	}
	for _, s := range []string{`{}`, `{"idx":0}`, `{"uri":"` + uri + `"}`, `{"idx":-1,"uri":"` + uri + `"}`, `{"idx":1.5,"uri":"` + uri + `"}`, `{"idx":"1","uri":"` + uri + `"}`,
		`{"idx":null,"uri":"` + uri + `"}`, `{"idx":8388608,"uri":"` + uri + `"}`, `{"idx":99999999999999999999,"uri":"` + uri + `"}`, `{"idx":0,"idx":1,"uri":"` + uri + `"}`,
		`{"idx":0,"uri":"/status/1"}`, `{"idx":0,"uri":"file:///etc/passwd"}`, `{"idx":0,"uri":"https://"}`, `{"idx":0,"uri":"https://a@b.example/"}`, `{"idx":0,"uri":"https://b.example/#x"}`,
		`{"idx":0,"uri":"https://b.example/` + strings.Repeat("x", status.MaxURI) + `"}`, `{"idx":0,"uri":1}`} {
		if got, err := status.ParseReference([]byte(s)); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%.80s: got %+v, %v, want ErrMalformed", s, got, err)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add(string(listJSON(1, pack(f, []byte{0xb9, 0xa3}))))
	f.Add(string(listJSON(8, bomb(f, 100))))
	f.Fuzz(func(t *testing.T, s string) {
		l, err := status.ParseList([]byte(s))
		if err != nil {
			return
		}
		again, err := status.ParseList([]byte(encode(t, l)))
		if err != nil || again.Len() != l.Len() || encode(t, again) != encode(t, l) {
			t.Errorf("got %v, %v", again, err)
		}
		if _, err := l.Get(l.Len() - 1); err != nil {
			t.Error(err)
		}
	})
}

// FuzzUnpack fuzzes what is inside the base64url.
func FuzzUnpack(f *testing.F) {
	f.Add(pack(f, []byte{1, 2, 3}), uint8(1))
	f.Add(bomb(f, 1<<20+1), uint8(8))
	f.Fuzz(func(t *testing.T, packed []byte, bits uint8) {
		if l, err := status.ParseList(listJSON(int(bits), packed)); err == nil && l.Len()*l.Bits() > 8*status.MaxList {
			t.Errorf("got %d statuses of %d bits", l.Len(), l.Bits())
		}
	})
}

func FuzzVerify(f *testing.F) {
	k := key(f, 1)
	list := string(listJSON(1, pack(f, []byte{1})))
	f.Add(`{"status_list":` + list + `,"sub":"` + uri + `","iat":1,"ttl":2,"exp":9e9,"nbf":0}`)
	f.Fuzz(func(t *testing.T, payload string) {
		got, err := status.Verify(sign(t, k, status.Type, payload), policy(t))
		if err == nil && (got.URI != uri || got.IssuedAt.After(noon.Add(time.Minute))) {
			t.Errorf("got %+v", got)
		}
	})
}

func FuzzParseReference(f *testing.F) {
	f.Add(`{"idx":0,"uri":"https://zuidhorn.example/status/1"}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := status.ParseReference([]byte(s))
		if err != nil {
			return
		}
		if again, err := status.FromClaims(map[string]any{"status": r.Claim()}); err != nil || again != r {
			t.Errorf("got %+v, %v, want %+v", again, err, r)
		}
	})
}
