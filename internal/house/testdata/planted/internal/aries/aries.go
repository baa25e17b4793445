// Package aries is the door.
package aries

import (
	_ "github.com/google/tink/go/keyset"
	_ "github.com/gorilla/websocket" // want: door
	_ "github.com/hyperledger/aries-framework-go/pkg/kms"
	_ "go.etcd.io/bbolt"
)
