// Package jose is sound but for its last imports.
package jose

import (
	_ "github.com/lestrrat-go/jwx/v2" // want: door
	_ "github.com/lestrrat-go/jwx/v2/jwa"
	_ "github.com/lestrrat-go/jwx/v2/jwk"
	_ "github.com/lestrrat-go/jwx/v2/jws"
	_ "github.com/lestrrat-go/jwx/v2/jwt"        // want: door
	_ "github.com/lestrrat-go/jwx/v2/jwt/openid" // want: door

	_ "kindpakket/credential/budget" // want: arrow
)
