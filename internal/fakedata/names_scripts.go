package fakedata

// Names in other scripts, each with the letters that its bearer uses in an
// email address.

const russianGivenFeminine = `Анна|anna,Мария|maria,Елена|elena,Ольга|olga,Татьяна|tatiana,Наталья|natalia,Ирина|irina,
Светлана|svetlana,Екатерина|ekaterina,Юлия|yulia,Анастасия|anastasia,Дарья|daria,Полина|polina,Ксения|ksenia,
Виктория|victoria,Вера|vera,Людмила|ludmila,Галина|galina,Надежда|nadezhda,Алёна|alyona,Софья|sofya,Зоя|zoya`

const russianGivenMasculine = `Александр|alexander,Сергей|sergey,Дмитрий|dmitry,Андрей|andrey,Алексей|alexey,Максим|maxim,
Иван|ivan,Михаил|mikhail,Евгений|evgeny,Николай|nikolay,Владимир|vladimir,Павел|pavel,Роман|roman,Олег|oleg,
Игорь|igor,Пётр|pyotr,Фёдор|fyodor,Артём|artyom,Юрий|yury,Константин|konstantin,Виктор|viktor,Глеб|gleb`

const russianFamily = `Иванов|ivanov,Смирнов|smirnov,Кузнецов|kuznetsov,Попов|popov,Васильев|vasilyev,Петров|petrov,
Соколов|sokolov,Михайлов|mikhailov,Новиков|novikov,Фёдоров|fyodorov,Морозов|morozov,Волков|volkov,Алексеев|alekseev,
Лебедев|lebedev,Семёнов|semyonov,Егоров|egorov,Павлов|pavlov,Козлов|kozlov,Степанов|stepanov,Николаев|nikolaev,
Орлов|orlov,Андреев|andreev,Макаров|makarov,Никитин|nikitin,Захаров|zakharov,Зайцев|zaitsev,Соловьёв|solovyov,
Борисов|borisov,Яковлев|yakovlev,Григорьев|grigoryev,Романов|romanov,Воробьёв|vorobyov,Сергеев|sergeev,
Кузьмин|kuzmin,Фролов|frolov,Щербаков|shcherbakov,Журавлёв|zhuravlyov,Шестаков|shestakov`

const greekGivenFeminine = `Μαρία|maria,Ελένη|eleni,Αικατερίνη|katerina,Βασιλική|vasiliki,Σοφία|sofia,Αγγελική|angeliki,
Γεωργία|georgia,Δήμητρα|dimitra,Ευαγγελία|evangelia,Αναστασία|anastasia,Ιωάννα|ioanna,Παναγιώτα|panagiota,
Κωνσταντίνα|konstantina,Χριστίνα|christina,Άννα|anna,Ζωή|zoi,Θεοδώρα|theodora,Δέσποινα|despina`

const greekGivenMasculine = `Γεώργιος|georgios,Δημήτριος|dimitrios,Κωνσταντίνος|konstantinos,Ιωάννης|ioannis,Νικόλαος|nikolaos,
Χρήστος|christos,Παναγιώτης|panagiotis,Βασίλειος|vasileios,Αθανάσιος|athanasios,Μιχαήλ|michail,Ευάγγελος|evangelos,
Σπυρίδων|spyridon,Αντώνιος|antonios,Θεόδωρος|theodoros,Ηλίας|ilias,Αλέξανδρος|alexandros,Στέφανος|stefanos`

const greekFamily = `Παπαδόπουλος|papadopoulos,Παππάς|pappas,Γεωργίου|georgiou,Δημητρίου|dimitriou,Νικολάου|nikolaou,
Παπαδάκης|papadakis,Οικονόμου|oikonomou,Κωνσταντίνου|konstantinou,Ιωάννου|ioannou,Αθανασίου|athanasiou,
Βασιλείου|vasileiou,Χριστοδούλου|christodoulou,Αλεξίου|alexiou,Αντωνίου|antoniou,Θεοδώρου|theodorou,
Παναγιωτόπουλος|panagiotopoulos,Αγγελόπουλος|angelopoulos,Μακρής|makris,Καραγιάννης|karagiannis,
Αναγνωστόπουλος|anagnostopoulos,Ζαχαρίου|zachariou,Λάμπρου|lamprou,Μαυρίδης|mavridis,Σαμαράς|samaras,
Σταυρόπουλος|stavropoulos,Τσακίρης|tsakiris,Φωτίου|fotiou,Χατζής|chatzis,Ψαρράς|psarras,Βλάχος|vlachos,
Ευσταθίου|efstathiou,Κόκκινος|kokkinos,Μανωλάκης|manolakis,Ραπτόπουλος|raptopoulos`

const arabicGiven = `محمد|mohamed,أحمد|ahmed,علي|ali,عمر|omar,يوسف|youssef,إبراهيم|ibrahim,خالد|khaled,حسن|hassan,حسين|hussein,
محمود|mahmoud,عبد الله|abdullah,عبد الرحمن|abdelrahman,طارق|tarek,كريم|karim,سامي|sami,وليد|walid,زياد|ziad,ياسر|yasser,
فاطمة|fatima,عائشة|aisha,مريم|mariam,زينب|zeinab,خديجة|khadija,نور|nour,سارة|sara,ليلى|layla,هدى|huda,أمينة|amina,
سلمى|salma,رنا|rana,دينا|dina,ياسمين|yasmin,نادية|nadia,هالة|hala,رانيا|rania,منى|mona`

const arabicFamily = `الحسن|alhassan,المصري|elmasry,السيد|elsayed,إبراهيم|ibrahim,حداد|haddad,خوري|khoury,منصور|mansour,ناصر|nasser,
الشريف|elsherif,عثمان|osman,سليمان|soliman,فاروق|farouk,الأحمد|alahmad,العتيبي|alotaibi,القحطاني|alqahtani,الغامدي|alghamdi,
الزهراني|alzahrani,الشمري|alshammari,الدوسري|aldosari,الحربي|alharbi,صالح|saleh,عوض|awad,بكر|bakr,جابر|gaber,حمدان|hamdan,
درويش|darwish,راشد|rashed,زيدان|zidan,شاهين|shaheen,صبري|sabry,طه|taha,عبد العزيز|abdelaziz,فهمي|fahmy,قاسم|kassem`

const hebrewGiven = `נועה|noa,תמר|tamar,מאיה|maya,אביגיל|avigail,שרה|sarah,רחל|rachel,יעל|yael,אסתר|esther,חנה|hannah,מיכל|michal,
שירה|shira,עדי|adi,רוני|roni,ליאת|liat,אורלי|orly,דנה|dana,דוד|david,משה|moshe,יוסף|yosef,אברהם|avraham,יעקב|yaakov,
יצחק|yitzhak,דניאל|daniel,נועם|noam,איתי|itai,אורי|uri,עומר|omer,אריאל|ariel,יונתן|yonatan,אלון|alon,גיל|gil,רון|ron,
עמית|amit,שמעון|shimon`

const hebrewFamily = `כהן|cohen,לוי|levi,מזרחי|mizrahi,פרץ|peretz,ביטון|biton,דהן|dahan,אברהם|avraham,פרידמן|friedman,מלכה|malka,
אזולאי|azoulay,כץ|katz,יוסף|yosef,דוד|david,עמר|amar,אוחיון|ohayon,חדד|hadad,גבאי|gabay,בן דוד|bendavid,אדרי|edri,
לוין|levin,טל|tal,קליין|klein,חן|chen,שפירא|shapira,חזן|hazan,משה|moshe,אשכנזי|ashkenazi,אוחנה|ohana,סגל|segal,
גולן|golan,רוזן|rosen,ברק|barak,שלום|shalom,נחום|nahum`

const hindiGiven = `आरव|aarav,विवान|vivaan,आदित्य|aditya,अर्जुन|arjun,रोहन|rohan,राहुल|rahul,अमित|amit,संजय|sanjay,विजय|vijay,
राजेश|rajesh,सुरेश|suresh,अनिल|anil,मनोज|manoj,दीपक|deepak,विक्रम|vikram,करण|karan,नीरज|neeraj,प्रकाश|prakash,प्रिया|priya,
अनन्या|ananya,दिया|diya,सुनीता|sunita,अनीता|anita,पूजा|pooja,नेहा|neha,कविता|kavita,मीना|meena,लक्ष्मी|lakshmi,
सीता|sita,गीता|geeta,राधा|radha,श्रेया|shreya,ईशा|isha,रिया|riya,किरण|kiran`

const hindiFamily = `शर्मा|sharma,वर्मा|verma,गुप्ता|gupta,सिंह|singh,कुमार|kumar,पटेल|patel,मिश्रा|mishra,जोशी|joshi,
त्रिपाठी|tripathi,पांडे|pandey,यादव|yadav,चौधरी|chaudhary,अग्रवाल|agrawal,मेहता|mehta,शाह|shah,कपूर|kapoor,मल्होत्रा|malhotra,
खन्ना|khanna,चोपड़ा|chopra,भट्ट|bhatt,सक्सेना|saxena,श्रीवास्तव|srivastava,दुबे|dubey,तिवारी|tiwari,शुक्ला|shukla,ठाकुर|thakur,
राठौर|rathore,चौहान|chauhan,बंसल|bansal,गोयल|goyal,अय्यर|iyer,नायर|nair,रेड्डी|reddy,देसाई|desai`

const chineseGiven = `伟|wei,芳|fang,娜|na,敏|min,静|jing,丽|li,强|qiang,磊|lei,军|jun,洋|yang,勇|yong,艳|yan,杰|jie,娟|juan,涛|tao,
明|ming,超|chao,秀英|xiuying,桂英|guiying,小红|xiaohong,建国|jianguo,志强|zhiqiang,海燕|haiyan,雪梅|xuemei,子涵|zihan,
梓萱|zixuan,浩然|haoran,宇轩|yuxuan,欣怡|xinyi,思远|siyuan,雨桐|yutong,嘉豪|jiahao,晓明|xiaoming,文静|wenjing,俊杰|junjie,
婷婷|tingting,佳怡|jiayi,天宇|tianyu,一诺|yinuo,若曦|ruoxi`

const chineseFamily = `王|wang,李|li,张|zhang,刘|liu,陈|chen,杨|yang,黄|huang,赵|zhao,吴|wu,周|zhou,徐|xu,孙|sun,马|ma,朱|zhu,胡|hu,
郭|guo,何|he,林|lin,高|gao,罗|luo,郑|zheng,梁|liang,谢|xie,宋|song,唐|tang,许|xu,韩|han,冯|feng,邓|deng,曹|cao,彭|peng,曾|zeng,
肖|xiao,田|tian,董|dong,袁|yuan,欧阳|ouyang,司马|sima,诸葛|zhuge`

const japaneseGiven = `翔太|shota,蓮|ren,大翔|hiroto,悠真|yuma,健太|kenta,拓海|takumi,直樹|naoki,浩|hiroshi,隆|takashi,誠|makoto,
剛|tsuyoshi,亮|ryo,一郎|ichiro,次郎|jiro,修|osamu,陽菜|hina,結衣|yui,さくら|sakura,美咲|misaki,葵|aoi,愛|ai,恵子|keiko,
由美子|yumiko,真由美|mayumi,智子|tomoko,久美子|kumiko,裕子|yuko,陽子|yoko,ひかり|hikari,あかり|akari,ユリ|yuri,エミ|emi,
香織|kaori,千尋|chihiro,七海|nanami,楓|kaede`

const japaneseFamily = `佐藤|sato,鈴木|suzuki,高橋|takahashi,田中|tanaka,伊藤|ito,渡辺|watanabe,山本|yamamoto,中村|nakamura,
小林|kobayashi,加藤|kato,吉田|yoshida,山田|yamada,佐々木|sasaki,山口|yamaguchi,松本|matsumoto,井上|inoue,木村|kimura,
林|hayashi,斎藤|saito,清水|shimizu,山崎|yamazaki,森|mori,池田|ikeda,橋本|hashimoto,阿部|abe,石川|ishikawa,山下|yamashita,
中島|nakajima,石井|ishii,小川|ogawa,前田|maeda,岡田|okada,長谷川|hasegawa,藤田|fujita,後藤|goto,近藤|kondo,村上|murakami`

const koreanGiven = `민준|minjun,서준|seojun,도윤|doyun,예준|yejun,시우|siwoo,하준|hajun,주원|joowon,지호|jiho,지후|jihoo,준서|junseo,
현우|hyunwoo,도현|dohyun,건우|gunwoo,우진|woojin,성민|sungmin,영수|youngsoo,철수|chulsoo,상훈|sanghoon,서연|seoyeon,
서윤|seoyun,지우|jiwoo,서현|seohyun,하은|haeun,하윤|hayoon,민서|minseo,지유|jiyu,윤서|yunseo,채원|chaewon,수아|sua,
지민|jimin,은지|eunji,영희|younghee,미경|mikyung,수진|sujin,혜진|hyejin,유나|yuna`

const koreanFamily = `김|kim,이|lee,박|park,최|choi,정|jung,강|kang,조|cho,윤|yoon,장|jang,임|lim,한|han,오|oh,서|seo,신|shin,
권|kwon,황|hwang,안|ahn,송|song,류|ryu,전|jeon,홍|hong,고|ko,문|moon,양|yang,손|son,배|bae,백|baek,허|heo,유|yoo,남|nam,심|shim,
노|noh,하|ha,곽|kwak,성|sung,차|cha,주|joo,우|woo,구|koo,남궁|namgung,황보|hwangbo,제갈|jegal,선우|sunwoo`
