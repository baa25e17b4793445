package vault

// Private doors for fuzzing.
var (
	ParseRecords = parseRecords
	ParseHeader  = func(b []byte) error { _, err := parseHeader(b); return err }
	ParseBackup  = func(b []byte) error { _, _, err := parseBackup(b); return err }
)
