// Package verify has another name than its comment says... which is what is wrong.
package verifier // want: doc

import _ "kindpakket/nowhere" // want: floor
