package status // want: doc

import _ "net/url"
