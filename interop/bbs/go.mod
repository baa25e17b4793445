module kindpakket/interop/bbs

go 1.26.8

require kindpakket v0.0.0

require (
	github.com/bits-and-blooms/bitset v1.25.0 // indirect
	github.com/consensys/gnark-crypto v0.22.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace kindpakket => ../../
