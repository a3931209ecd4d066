package fakedata

import "github.com/go-faker/faker/v4/pkg/options"

// Provider is an option of go-faker's FakeData: wherever the value that it fills
// has a field of type [Person] or [Company], it takes the generator's next. It
// belongs to one call and touches nothing global.
func (g *Generator) Provider() options.OptionFunc {
	person := options.WithStructTypeProviders(Person{}, func() (any, error) { return g.Person(), nil })
	company := options.WithStructTypeProviders(Company{}, func() (any, error) { return g.Company(), nil })
	return func(o *options.Options) {
		person(o)
		company(o)
	}
}
