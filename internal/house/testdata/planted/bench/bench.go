package helpers

import _ "github.com/example/a-peer"
