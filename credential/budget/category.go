package budget

import "errors"

// Category is the id of a kind of goods that a fund pays for, such as "fiets": 1 to 24 of a-z, 0-9 and "-".
// The municipality decides which categories a fund has and which of them a shop may sell.
type Category string

// MaxCategory is the most characters that a category id has.
const MaxCategory = 24

// ErrCategory is returned by [ParseCategory] for text that is no category id.
var ErrCategory = errors.New("category is not 1 to 24 of a-z, 0-9 and -")

// The seven categories of the Kindpakket of Zuidhorn. A fund may have others.
const (
	Boeken    Category = "boeken"
	Fiets     Category = "fiets"
	Sport     Category = "sport"
	Zwemmen   Category = "zwemmen"
	Computer  Category = "computer"
	Kleding   Category = "kleding"
	Speelgoed Category = "speelgoed"
)

// Categories returns the seven categories of the Kindpakket, in the order in which they are shown.
func Categories() []Category {
	return []Category{Boeken, Fiets, Sport, Zwemmen, Computer, Kleding, Speelgoed}
}

// ParseCategory reads a category id. It returns [ErrCategory] for anything else.
func ParseCategory(s string) (Category, error) {
	if c := Category(s); c.Valid() {
		return c, nil
	}
	return "", ErrCategory
}

// Valid reports whether c has the shape of a category id. It does not say that a fund knows it.
func (c Category) Valid() bool {
	if len(c) < 1 || len(c) > MaxCategory {
		return false
	}
	for i := range len(c) {
		if b := c[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' {
			return false
		}
	}
	return true
}

// Name returns what c is called in the language lang, a BCP 47 tag: in English if it is English, otherwise in Dutch.
// A category that is not one of the seven is called by its id.
func (c Category) Name(lang string) string {
	dutch, inEnglish := string(c), string(c)
	switch c {
	case Boeken:
		dutch, inEnglish = "Boeken", "Books"
	case Fiets:
		dutch, inEnglish = "Fiets", "Bicycle"
	case Sport:
		dutch, inEnglish = "Sport", "Sports"
	case Zwemmen:
		dutch, inEnglish = "Zwemmen", "Swimming"
	case Computer:
		dutch, inEnglish = "Computer", "Computer"
	case Kleding:
		dutch, inEnglish = "Kleding", "Clothes"
	case Speelgoed:
		dutch, inEnglish = "Speelgoed", "Toys"
	}
	if english(lang) {
		return inEnglish
	}
	return dutch
}
