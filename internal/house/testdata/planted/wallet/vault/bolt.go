//go:build !js

// Package vault has bbolt where bbolt is.
package vault

import _ "go.etcd.io/bbolt"
