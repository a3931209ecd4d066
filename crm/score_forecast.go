package crm

import (
	"fmt"
	"math"
)

// TrendDirection is where a relationship is going.
type TrendDirection string

// The directions of a trend.
const (
	TrendNew     TrendDirection = "new"     // the first exchange, or the contact itself, is of the last 90 days
	TrendRising  TrendDirection = "rising"  // clearly more exchanges than in the 90 days before
	TrendSteady  TrendDirection = "steady"  // about as many
	TrendFalling TrendDirection = "falling" // clearly fewer
	TrendDormant TrendDirection = "dormant" // none in 180 days
)

// TrendDirections lists the directions.
func TrendDirections() []TrendDirection {
	return []TrendDirection{TrendNew, TrendRising, TrendSteady, TrendFalling, TrendDormant}
}

// trendWindow is what is compared with what came before it.
const trendWindow = 90 * aDay

// Trend compares the exchanges of the last 90 days with those of the 90 before.
type Trend struct {
	Direction      TrendDirection
	Recent, Before int
	Reason         string
}

// trend takes a difference of counts for real when it is 2 at least and as large
// as its standard deviation: the variance of the difference of two Poisson
// counts is their sum (Przyborowski and Wilenski, Biometrika 31, 1940).
func (h history) trend(c Contact) Trend {
	t := Trend{Direction: TrendSteady, Recent: h.within(0, trendWindow), Before: h.within(trendWindow, 2*trendWindow)}
	known := c.CreatedAt
	switch n := len(h.exchanges); {
	case n >= MaxTouches: // There may be older ones.
		known = h.now.Add(-scoreYear)
	case n > 0:
		known = h.exchanges[n-1].At
	}
	difference := t.Recent - t.Before
	clear := math.Abs(float64(difference)) >= math.Max(2, math.Sqrt(float64(t.Recent+t.Before)))
	switch {
	case h.now.Sub(known) < trendWindow:
		t.Direction = TrendNew
	case t.Recent+t.Before == 0:
		t.Direction = TrendDormant
	case clear && difference > 0:
		t.Direction = TrendRising
	case clear:
		t.Direction = TrendFalling
	}
	t.Reason = fmt.Sprintf("%s in the last 90 days, %d in the 90 before", countOf(t.Recent, "exchange"), t.Before)
	return t
}

// ForecastDays is how far a forecast looks ahead.
const ForecastDays = 30

// Forecast says how likely it is that the exchange goes on.
type Forecast struct {
	// Chance of an exchange within [ForecastDays], in percent.
	Chance int
	// Alive is how likely it is that the relationship has not ended, in percent.
	Alive  int
	Reason string
}

// The prior of the forecast: what is believed of a contact of whom nothing is
// known. A rhythm of one day with an exchange in 30, worth 15 days of watching;
// and one exchange in five is the last.
const (
	priorShape, priorDays    = 0.5, 15.0
	priorEnds, priorContinue = 1.0, 4.0
)

// forecast is the BG/NBD model of Fader, Hardie and Lee ("Counting Your
// Customers" the Easy Way, Marketing Science 24, 2005) with a fixed prior instead
// of a fitted one: exchanges come as a Poisson process whose rate differs by
// contact (gamma), and after each the relationship may end (beta). Its inputs
// are the number of days with an exchange after the first, when the first and
// the last were. Alive is their P(alive); the chance is that times the
// probability of one event at least of the gamma-Poisson mixture in 30 days,
// which leaves out that it may also end within them.
func (h history) forecast(c Contact) Forecast {
	if len(h.days) == 0 {
		watched := math.Min(h.now.Sub(c.CreatedAt).Hours(), scoreYear.Hours()) / 24
		if len(h.exchanges) > 0 {
			watched = scoreYear.Hours() / 24
		}
		f := Forecast{Alive: 100, Chance: percentOf(chanceOf(priorShape, priorDays+math.Max(0, watched)))}
		f.Reason = fmt.Sprintf("no exchange in a year; %d %% of one in the next 30 days", f.Chance)
		return f
	}
	year := h.lastYear()
	first, last, today := h.days[0], h.days[len(h.days)-1], max(dayNumber(h.now), h.days[len(h.days)-1])
	repeats := float64(len(h.days) - 1)
	watched, until := float64(today-first), float64(last-first)
	alive := 1.0
	if repeats > 0 {
		odds := priorEnds / (priorContinue + repeats - 1) * math.Pow((priorDays+watched)/(priorDays+until), priorShape+repeats)
		alive = 1 / (1 + odds)
	}
	f := Forecast{Alive: percentOf(alive), Chance: percentOf(alive * chanceOf(priorShape+repeats, priorDays+watched))}
	f.Reason = fmt.Sprintf("exchanges on %s since %s, the last %s: %d %% that it goes on, %d %% of one in the next 30 days",
		countOf(len(h.days), "day"), agoOf(h.wholeDays(year[len(year)-1].At)), agoOf(h.wholeDays(year[0].At)), f.Alive, f.Chance)
	return f
}

// chanceOf is the probability of an event in the days that a forecast looks
// ahead, of a Poisson process whose rate is gamma distributed.
func chanceOf(shape, days float64) float64 {
	return 1 - math.Pow(days/(days+ForecastDays), shape)
}

func percentOf(p float64) int { return int(math.Round(100 * p)) }
