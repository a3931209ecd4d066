package fakedata

// vocabulary is what people of every country draw from.
type vocabulary struct {
	homeDomains, firstPhones, otherPhones            []string
	coinedFronts, coinedBacks                        []string
	mottoFronts, mottoBacks                          []string
	ranks, fields, loneTitles                        []string
	tags, occasions, interests, followUps, pleasures []string
	topics, asks, replies, outcomes                  []string
}

func readVocabulary() vocabulary {
	return vocabulary{
		homeDomains:  []string{"example.com", "example.org", "example.net"},
		otherPhones:  []string{"work", "work", "home"},
		firstPhones:  []string{"mobile", "mobile", "work"},
		coinedFronts: list(coinedFronts),
		coinedBacks:  list(coinedBacks),
		mottoFronts:  list(mottoFronts),
		mottoBacks:   list(mottoBacks),
		ranks:        list(ranks),
		fields:       list(fields),
		loneTitles:   list(loneTitles),
		tags:         list(tags),
		occasions:    list(occasions),
		interests:    list(interests),
		followUps:    list(followUps),
		pleasures:    list(pleasures),
		topics:       list(topics),
		asks:         list(asks),
		replies:      list(replies),
		outcomes:     list(outcomes),
	}
}

const (
	coinedFronts = `North,Blue,Silver,Bright,Stone,Green,Red,Iron,Clear,Summit,Harbor,Cedar,Falcon,Granite,Lumen,Nova,Apex,
Copper,Ember,Frost,Golden,Haven,Juniper,Keystone,Lark,Meadow,Oak,Pine,Quartz,River,Sage,Timber,Vantage,Willow`
	coinedBacks = `wind,peak,bridge,field,gate,works,light,path,stone,brook,ridge,port,line,point,crest,forge,mark,wave,
leaf,bay,spring,hill,craft,land,view`
	mottoFronts = `Quietly dependable,Honest,Family-run,Well-made,Patient,Sharper,Unhurried,Locally grown,Plain-spoken,Tireless,Careful,Borderless`
	mottoBacks  = `service since 1987,logistics for the islands,tools for builders,help when it matters,numbers you can read,
coffee for offices,software for schools,care for old houses,freight without surprises,advice without jargon,ideas for small towns`

	ranks = `Senior,Junior,Lead,Head of,Director of,Vice President of,Assistant,Regional,Global,Deputy`
	// fields complete a rank's title; with a rank that says who leads they stand alone.
	fields = `Sales,Marketing,Operations,Finance,Procurement,Engineering,Product,Customer Success,Human Resources,Research,
Logistics,Quality,Legal Affairs,Communications,IT`
	loneTitles = `Founder,Owner,Chief Executive Officer,Chief Financial Officer,Account Manager,Project Manager,Office Manager,
Software Engineer,Data Analyst,Accountant,Architect,Attorney,Physician,Dentist,Pharmacist,Teacher,Professor,Nurse,Journalist,
Photographer,Graphic Designer,Electrician,Consultant,Translator,Librarian,Chef,Buyer,Executive Assistant,Event Planner,
Civil Engineer,Mechanical Engineer,Store Manager,Real Estate Agent,Curator,Veterinarian`

	tags = `vip,partner,newsletter,investor,press,supplier,friend,family,alumni,conference,speaker,referral,beta-tester,
decision-maker,technical,champion,churn-risk,renewal-q1,renewal-q2,renewal-q3,renewal-q4,webinar,trade-fair,reseller,
enterprise,small-business,non-profit,public-sector,healthcare,education,hiring,candidate,mentor,neighbour,board,
wholesale,retail,export,do-not-call,café`

	occasions = `Met at the spring trade fair.,Introduced by a former colleague.,Found us through the newsletter.,
Called after reading the case study.,Sat next to each other on the train to the conference.,Came to the open day.,
Wrote in through the contact form.,Old customer who changed companies.,Spoke after the panel on small-town retail.,
Neighbour of the new office.,Asked for a quote last autumn.,Recommended by their accountant.`
	interests = `Interested in a yearly plan for twelve seats.,Wants to see the export first.,Looking for a supplier closer to home.,
Needs an answer before the budget closes.,Compares us with two others.,Cares most about data protection.,
Wants training for the whole team.,Would like to pilot with one branch.,Asked twice about delivery times.,
Happy with the present vendor but curious.,Plans to open a second shop.,Needs invoices on paper.,Has a small budget and big plans.`
	followUps = `Call again next month.,Send the price list.,Invite to the summer event.,Prefers email to the phone.,
Best reached before nine.,Ask about the new warehouse.,Follow up after the holidays.,Waiting for their legal team.,
Send the contract in two languages.,Do not call on Fridays.,Introduce to the support team.,Remind of the renewal.`
	pleasures = `Collects old maps.,Has two daughters who play handball.,Drinks tea and never coffee.,Runs marathons.,
Speaks four languages.,Just back from parental leave.,Plays the cello.,Keeps bees on the roof.,Loves crosswords.,
Restores wooden boats.`

	topics = `Delivery dates,Invoice for last month,Renewal of the contract,Training for the team,Price list for next year,
Invitation to the open day,Samples,New address,Annual review,Pilot in the second branch,Spare parts,Opening hours in summer,
Data protection questions,Reference visit,Order by phone,Trade fair appointment,Offer for twelve seats,Change of contact person`
	asks = `Could you send me the current figures?,When would be a good time for a short call?,Do you still need the papers we talked about?,
I have attached what you asked for. Does it fit?,Who decides about this on your side?,We would like to move the date by a week.,
Can we see the export before we decide?,Is there anything that keeps you from going ahead?,The last delivery was two boxes short. Can you look into it?,
Would you speak about it at our customer day?`
	replies = `Thank you. That is what I needed.,Tuesday morning suits me best.,I have passed it on to our legal team.,
Yes and please send a copy to accounting.,We are still waiting for the budget.,Let us talk again after the holidays.,
Sorry for the late answer. It is fine with us.,I would rather keep the old arrangement.,The numbers look good. One question about the second page.,
Could you explain the third point once more?`
	outcomes = `Agreed on the next steps.,Left a message with the front desk.,Wants a written offer by Friday.,Went through the open points. Two are left.,
Happy with the service.,Asked for a discount.,Will call back.,Showed the new version.,Talked about the renewal. Decision in a month.,
Complained about the waiting time. Promised to look into it.`
)
