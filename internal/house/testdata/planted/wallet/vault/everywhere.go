//go:build linux || js

package vault

import _ "go.etcd.io/bbolt" // want: native
