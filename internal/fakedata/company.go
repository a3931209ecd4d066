package fakedata

// maxEmployers bounds how many companies a generator remembers of a country.
const maxEmployers = 500

// Company draws a new company, of any of the countries.
func (g *Generator) Company() Company {
	return g.company(&g.cultures[g.shares[g.rng.IntN(len(g.shares))]])
}

// employer returns a company that people of a country may share: as in life a
// few employ many and many employ a few.
func (g *Generator) employer(c *tables) Company {
	n := len(c.employers)
	known := 40 // of a hundred employers, while few are known
	if n > 20 {
		known = 75
	}
	if n == maxEmployers || n > 0 && g.chance(known) {
		// The smaller of two draws makes the older ones the larger.
		return c.employers[min(g.rng.IntN(n), g.rng.IntN(n))]
	}
	made := g.company(c)
	c.employers = append(c.employers, made)
	return made
}

func (g *Generator) company(c *tables) Company {
	stem := pick(g, c.families[1])
	if !c.script && g.chance(50) {
		coined := pick(g, g.words.coinedFronts) + pick(g, g.words.coinedBacks)
		stem = name{coined, plain(coined)}
	}
	craft, form := pick(g, c.crafts), pick(g, c.forms)
	written := stem.text + c.companySpace + craft.text
	if c.legalFirst {
		written = form + c.companySpace + written
	} else {
		written += c.companySpace + form
	}
	domain := stem.ascii + "-" + craft.ascii + ".example"
	return Company{
		Name:    written,
		Domain:  domain,
		Website: "https://www." + domain,
		Motto:   pick(g, g.words.mottoFronts) + " " + pick(g, g.words.mottoBacks),
	}
}
