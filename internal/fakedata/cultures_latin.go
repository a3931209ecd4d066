package fakedata

const (
	englishStreets = `% Maple Street,% Oak Avenue,% Cedar Lane,% Park Road,% Washington Street,% Lake View Drive,% Hillcrest Road,
% Main Street,% Church Lane,% Station Road,% Mill Lane,% Elm Court,% River Walk,% Sunset Boulevard,% Juniper Way,% Chestnut Close`
	englishTrades = `Logistics,Consulting,Foods,Systems,Design,Partners,Energy,Media,Robotics,Analytics,Textiles,Construction,
Pharmaceuticals,Insurance,Travel,Books,Interiors,Software,Gardens,Instruments,Marine,Outdoor,Dental,Legal`
	spanishTrades = `Consultores,Logística,Alimentos,Construcciones,Sistemas,Textiles,Transportes,Energía,Diseño,Seguros,Viajes,Muebles`
)

func latinCultures() []culture {
	return append(englishCultures(), append(romanceCultures(), otherLatinCultures()...)...)
}

func englishCultures() []culture {
	us := culture{
		country: "United States", weight: 30, feminine: englishGiven, family: englishFamily, separator: " ",
		phones: `+1 201,+1 202,+1 206,+1 212,+1 213,+1 214,+1 215,+1 216,+1 303,+1 305,+1 312,+1 313,+1 314,+1 404,+1 412,+1 415,
+1 503,+1 504,+1 512,+1 602,+1 612,+1 615,+1 617,+1 619,+1 702,+1 703,+1 713,+1 718,+1 773,+1 801,+1 808,+1 816,+1 904,+1 919`,
		cities: `Seattle|WA|981##,Portland|OR|972##,San Francisco|CA|941##,San José|CA|951##,Denver|CO|802##,Austin|TX|787##,
Chicago|IL|606##,Boston|MA|021##,New York|NY|100##,Atlanta|GA|303##,Miami|FL|331##,Nashville|TN|372##,Saint Paul|MN|551##`,
		streets: englishStreets, trades: englishTrades, legal: `Inc.,LLC,Co.,Group,& Sons`, companySpace: " ",
	}
	uk := us
	uk.country, uk.weight, uk.legal = "United Kingdom", 8, `Ltd,plc,LLP,& Co.`
	uk.phones = `+44 74## ######,+44 77## ######,+44 79## ######,+44 20 7### ####,+44 161 4## ####`
	uk.cities = `London||EC1A #BB,Manchester||M# #AE,Bristol||BS# #TR,Leeds||LS# #JL,Edinburgh||EH# #NG,Cardiff||CF1# #AB,Norwich||NR# #RL`
	ca := us
	ca.country, ca.weight, ca.legal = "Canada", 4, `Inc.,Ltd.,Corp.`
	ca.phones = `+1 416,+1 604,+1 514,+1 403,+1 613,+1 902`
	ca.cities = `Toronto|ON|M5V #K#,Vancouver|BC|V6B #A#,Montréal|QC|H2Y #C#,Calgary|AB|T2P #J#,Ottawa|ON|K1P #B#,Halifax|NS|B3J #H#`
	au := us
	au.country, au.weight, au.legal = "Australia", 3, `Pty Ltd,Group`
	au.phones = `+61 4## ### ###,+61 2 9### ####,+61 3 9### ####`
	au.cities = `Sydney|NSW|20##,Melbourne|VIC|30##,Brisbane|QLD|40##,Perth|WA|60##,Hobart|TAS|70##`
	ng := us
	ng.country, ng.weight, ng.legal, ng.feminine, ng.family = "Nigeria", 3, `Ltd,plc,Ventures`, yorubaGiven, yorubaFamily
	ng.phones = `+234 803 ### ####,+234 805 ### ####,+234 813 ### ####`
	ng.cities = `Lagos|Lagos|1012##,Ìbàdàn|Oyo|2002##,Abẹ́òkúta|Ogun|1101##,Ọ̀ṣogbo|Osun|2302##,Abuja|FCT|9001##`
	ng.streets = `% Awolowo Road,% Allen Avenue,% Adetokunbo Ademola Street,% Marina Road,% Broad Street,% Ring Road`
	return []culture{us, uk, ca, au, ng}
}

func romanceCultures() []culture {
	es := culture{
		country: "Spain", weight: 5, feminine: spanishGiven, family: spanishFamily, separator: " ", twoFamilies: 75,
		phones:  `+34 6## ### ###,+34 91 4## ## ##,+34 93 4## ## ##`,
		cities:  `Madrid|Madrid|280##,Barcelona|Barcelona|080##,Sevilla|Sevilla|410##,Málaga|Málaga|290##,A Coruña|A Coruña|150##,Cádiz|Cádiz|110##`,
		streets: `Calle Mayor %,Avenida de la Constitución %,Calle del Sol %,Plaza de España %,Calle Núñez de Balboa %,Paseo del Prado %`,
		trades:  spanishTrades, legal: `S.L.,S.A.,e Hijos`, companySpace: " ",
	}
	mx := es
	mx.country, mx.weight, mx.legal = "Mexico", 4, `S.A. de C.V.,S. de R.L.`
	mx.phones = `+52 55 5### ####,+52 33 3### ####,+52 81 8### ####`
	mx.cities = `Ciudad de México|CDMX|06###,Guadalajara|JAL|44###,Monterrey|NL|64###,Mérida|YUC|97###,León|GTO|37###,Querétaro|QRO|76###`
	br := culture{
		country: "Brazil", weight: 4, feminine: portugueseGiven, family: portugueseFamily, separator: " ", twoFamilies: 45,
		phones:  `+55 11 9~### ####,+55 21 9~### ####,+55 31 9~### ####,+55 71 3~## ####`,
		cities:  `São Paulo|SP|01###-###,Rio de Janeiro|RJ|20###-###,Belo Horizonte|MG|30###-###,Salvador|BA|40###-###,Florianópolis|SC|88###-###`,
		streets: `Rua das Flores %,Avenida Paulista %,Rua São João %,Travessa do Comércio %,Rua Sete de Setembro %`,
		trades:  `Consultoria,Logística,Alimentos,Construções,Sistemas,Têxtil,Transportes,Energia,Móveis`, legal: `Ltda.,S.A.,e Filhos`, companySpace: " ",
	}
	fr := culture{
		country: "France", weight: 5, feminine: frenchGiven, family: frenchFamily, separator: " ",
		phones:  `+33 6 ## ## ## ##,+33 1 4# ## ## ##,+33 4 7# ## ## ##`,
		cities:  `Paris||750##,Lyon||690##,Nîmes||300##,Orléans||450##,Besançon||250##,Saint-Étienne||420##,Rennes||350##`,
		streets: `% rue de la République,% avenue Victor-Hugo,% place de l'Église,% boulevard Voltaire,% rue des Écoles,% quai de Saône`,
		trades:  `Conseil,Logistique,Traiteur,Énergie,Bâtiment,Édition,Informatique,Transports,Meubles`, legal: `SARL,SAS,et Fils`, companySpace: " ",
	}
	it := culture{
		country: "Italy", weight: 3, feminine: italianGiven, family: italianFamily, separator: " ",
		phones:  `+39 33# ### ####,+39 34# ### ####,+39 06 4### ####,+39 02 8### ####`,
		cities:  `Roma|RM|001##,Milano|MI|201##,Torino|TO|101##,Forlì|FC|471##,Bologna|BO|401##,Lecce|LE|731##`,
		streets: `Via Roma %,Via Garibaldi %,Corso Vittorio Emanuele %,Piazza Dante %,Viale della Libertà %`,
		trades:  `Consulenze,Logistica,Alimentari,Costruzioni,Arredamenti,Tessuti,Trasporti,Energia,Edizioni`, legal: `S.r.l.,S.p.A.,e Figli`, companySpace: " ",
	}
	return []culture{es, mx, br, fr, it}
}

func otherLatinCultures() []culture {
	return []culture{
		{
			country: "Germany", weight: 6, feminine: germanGiven, family: germanFamily, separator: " ",
			phones:  `+49 151 ########,+49 160 #######,+49 30 2#######,+49 89 2#######,+49 40 3#######`,
			cities:  `Berlin||101##,München||803##,Köln||506##,Düsseldorf||402##,Göttingen||370##,Lübeck||235##,Würzburg||970##`,
			streets: `Hauptstraße %,Bahnhofstraße %,Goethestraße %,Am Mühlenbach %,Lindenallee %,Schillerplatz %,Gänsemarkt %`,
			trades:  `Logistik,Maschinenbau,Elektrotechnik,Bäckerei,Möbel,Beratung,Software,Werkzeuge,Druckerei,Verlag`,
			legal:   `GmbH,AG,KG,& Söhne`, companySpace: " ",
		},
		{
			country: "Poland", weight: 4, feminine: polishGivenFeminine, masculine: polishGivenMasculine, family: polishFamily, separator: " ",
			endings: []ending{{"ski", "ska", "ski", "ska"}, {"cki", "cka", "cki", "cka"}},
			phones:  `+48 50# ### ###,+48 60# ### ###,+48 22 6## ## ##,+48 12 4## ## ##`,
			cities:  `Warszawa||00-###,Kraków||31-###,Łódź||90-###,Gdańsk||80-###,Poznań||61-###,Wrocław||50-###,Rzeszów||35-###`,
			streets: `ul. Długa %,ul. Świętokrzyska %,ul. Mickiewicza %,al. Jana Pawła II %,ul. Kościuszki %,ul. Łąkowa %`,
			trades:  `Logistyka,Budownictwo,Meble,Piekarnia,Usługi,Transport,Energia,Wydawnictwo`, legal: `Sp. z o.o.,S.A.,i Synowie`, companySpace: " ",
		},
		{
			country: "Turkey", weight: 3, feminine: turkishGiven, family: turkishFamily, separator: " ",
			phones:  `+90 532 ### ## ##,+90 542 ### ## ##,+90 555 ### ## ##,+90 212 2## ## ##`,
			cities:  `İstanbul||34###,Ankara||06###,İzmir||35###,Eskişehir||26###,Diyarbakır||21###,Çanakkale||17###`,
			streets: `Atatürk Caddesi No: %,İstiklal Caddesi No: %,Gül Sokağı No: %,Çınar Sokak No: %,Cumhuriyet Bulvarı No: %`,
			trades:  `Lojistik,İnşaat,Tekstil,Gıda,Yazılım,Danışmanlık,Mobilya,Turizm`, legal: `A.Ş.,Ltd. Şti.`, companySpace: " ",
		},
		{
			country: "Vietnam", weight: 3, feminine: vietnameseGiven, family: vietnameseFamily, separator: " ", familyFirst: true,
			phones:  `+84 90# ### ###,+84 91# ### ###,+84 98# ### ###`,
			cities:  `Hà Nội||10####,Hồ Chí Minh||70####,Đà Nẵng||55####,Huế||53####,Cần Thơ||90####`,
			streets: `% Lê Lợi,% Trần Hưng Đạo,% Nguyễn Huệ,% Hai Bà Trưng,% Điện Biên Phủ`,
			trades:  `Thương Mại,Xây Dựng,Vận Tải,Thực Phẩm,Phần Mềm,Du Lịch`, legal: `Công ty TNHH,Công ty CP`, legalFirst: true, companySpace: " ",
		},
	}
}
