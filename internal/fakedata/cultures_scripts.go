package fakedata

func scriptCultures() []culture {
	all := append(westernScripts(), easternScripts()...)
	for i := range all {
		all[i].script = true
	}
	return all
}

func westernScripts() []culture {
	eg := culture{
		country: "Egypt", weight: 2, feminine: arabicGiven, family: arabicFamily, separator: " ",
		phones:  `+20 10 #### ####,+20 11 #### ####,+20 12 #### ####`,
		cities:  `القاهرة||11511,الإسكندرية||21519,الجيزة||12511,أسوان||81511`,
		streets: `% شارع التحرير,% شارع النيل,% شارع الجمهورية,% طريق الحرية`,
		trades:  `للتجارة|trading,للمقاولات|contracting,للنقل|transport,للأغذية|foods,للبرمجيات|software`, legal: `شركة`, legalFirst: true, companySpace: " ",
	}
	sa := eg
	sa.country, sa.weight = "Saudi Arabia", 1
	sa.phones = `+966 50 ### ####,+966 53 ### ####,+966 55 ### ####`
	sa.cities = `الرياض||125##,جدة||234##,الدمام||322##,المدينة المنورة||423##`
	sa.streets = `% طريق الملك فهد,% شارع العليا,% شارع التحلية,% طريق الملك عبد العزيز`
	return []culture{
		{
			country: "Russia", weight: 3, feminine: russianGivenFeminine, masculine: russianGivenMasculine, family: russianFamily, separator: " ",
			endings: []ending{{"ов", "ова", "", "a"}, {"ев", "ева", "", "a"}, {"ёв", "ёва", "", "a"}, {"ин", "ина", "", "a"}},
			phones:  `+7 903 ###-##-##,+7 916 ###-##-##,+7 921 ###-##-##,+7 495 6##-##-##`,
			cities:  `Москва||101###,Санкт-Петербург||190###,Казань||420###,Новосибирск||630###,Орёл||302###`,
			streets: `ул. Ленина %,ул. Пушкина %,пр. Мира %,ул. Гагарина %,Невский пр. %,ул. Садовая %`,
			trades:  `Логистика|logistika,Строй|stroy,Софт|soft,Энерго|energo,Мебель|mebel,Транс|trans`, legal: `ООО,АО`, legalFirst: true, companySpace: " ",
		},
		{
			country: "Greece", weight: 2, feminine: greekGivenFeminine, masculine: greekGivenMasculine, family: greekFamily, separator: " ",
			endings: []ending{
				{"όπουλος", "οπούλου", "os", "ou"},
				{"ης", "η", "is", "i"},
				{"ής", "ή", "is", "i"},
				{"άς", "ά", "as", "a"},
				{"ος", "ου", "os", "ou"},
			},
			phones:  `+30 694 ### ####,+30 697 ### ####,+30 21 0### ####,+30 231 0## ####`,
			cities:  `Αθήνα||105 ##,Θεσσαλονίκη||546 ##,Πάτρα||262 ##,Ηράκλειο||712 ##,Βόλος||382 ##`,
			streets: `Ερμού %,Πανεπιστημίου %,Αγίου Δημητρίου %,Τσιμισκή %,Κηφισίας %`,
			trades:  `Εμπορική|emporiki,Τεχνική|techniki,Μεταφορές|metafores,Τρόφιμα|trofima,Εκδόσεις|ekdoseis`, legal: `Α.Ε.,Ε.Π.Ε.,Ο.Ε.`, companySpace: " ",
		},
		eg, sa,
		{
			country: "Israel", weight: 2, feminine: hebrewGiven, family: hebrewFamily, separator: " ",
			phones:  `+972 50-###-####,+972 52-###-####,+972 54-###-####`,
			cities:  `תל אביב||61#####,ירושלים||91#####,חיפה||31#####,באר שבע||84#####`,
			streets: `רחוב הרצל %,שדרות רוטשילד %,רחוב דיזנגוף %,רחוב בן יהודה %,רחוב ויצמן %`,
			trades:  `טכנולוגיות|technologies,בנייה|building,מזון|foods,הובלות|transport,ייעוץ|consulting`, legal: `בע״מ`, companySpace: " ",
		},
	}
}

func easternScripts() []culture {
	return []culture{
		{
			country: "India", weight: 4, feminine: hindiGiven, family: hindiFamily, separator: " ",
			phones:  `+91 98### #####,+91 97### #####,+91 94### #####,+91 99### #####`,
			cities:  `दिल्ली|दिल्ली|1100##,मुंबई|महाराष्ट्र|4000##,जयपुर|राजस्थान|3020##,लखनऊ|उत्तर प्रदेश|2260##,वाराणसी|उत्तर प्रदेश|2210##`,
			streets: `% महात्मा गांधी मार्ग,% स्टेशन रोड,% नेहरू नगर,% गांधी चौक,% शिवाजी मार्ग`,
			trades:  `ट्रेडर्स|traders,टेक्सटाइल्स|textiles,सॉफ्टवेयर|software,फूड्स|foods,इंजीनियरिंग|engineering`, legal: `प्रा. लि.,एंड संस`, companySpace: " ",
		},
		{
			country: "China", weight: 4, feminine: chineseGiven, family: chineseFamily, familyFirst: true,
			phones:  `+86 138 #### ####,+86 139 #### ####,+86 158 #### ####,+86 186 #### ####`,
			cities:  `北京|北京|1000##,上海|上海|2000##,广州|广东|5100##,深圳|广东|5180##,成都|四川|6100##,杭州|浙江|3100##`,
			streets: `中山路%号,人民路%号,解放大道%号,南京东路%号,建设街%号`,
			trades:  `科技|keji,贸易|maoyi,食品|shipin,物流|wuliu,电子|dianzi,建筑|jianzhu`, legal: `有限公司,股份有限公司`,
		},
		{
			country: "Japan", weight: 4, feminine: japaneseGiven, family: japaneseFamily, separator: " ", familyFirst: true,
			phones:  `+81 90-####-####,+81 80-####-####,+81 3-3###-####,+81 6-6###-####`,
			cities:  `東京|東京都|1##-00##,横浜市|神奈川県|22#-00##,大阪市|大阪府|53#-00##,京都市|京都府|60#-00##,札幌市|北海道|06#-00##`,
			streets: `中央区銀座%番,北区本町%番,東区緑町%番,西区桜町%番`,
			trades:  `商事|shoji,工業|kogyo,製作所|seisakusho,建設|kensetsu,食品|shokuhin,システム|system`, legal: `株式会社,合同会社`, legalFirst: true,
		},
		{
			country: "South Korea", weight: 3, feminine: koreanGiven, family: koreanFamily, familyFirst: true,
			phones:  `+82 10-2###-####,+82 10-3###-####,+82 10-9###-####,+82 2-3##-####`,
			cities:  `서울|서울특별시|04###,부산|부산광역시|48###,대구|대구광역시|41###,인천|인천광역시|22###,제주|제주특별자치도|63###`,
			streets: `세종대로 %,테헤란로 %,강남대로 %,중앙로 %,해운대로 %`,
			trades:  `전자|jeonja,건설|geonseol,식품|sikpum,물류|mullyu,소프트|soft`, legal: `(주),주식회사`, legalFirst: true,
		},
	}
}
