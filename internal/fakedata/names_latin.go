package fakedata

// Names in Latin letters, as their bearers write them. A comma separates them,
// for some consist of two words.

const englishGiven = `Olivia,Emma,Charlotte,Amelia,Sophia,Mia,Isabella,Ava,Evelyn,Luna,Harper,Sofia,Camila,Eleanor,
Elizabeth,Violet,Scarlett,Emily,Hazel,Lily,Gianna,Aurora,Penelope,Aria,Nora,Chloe,Ellie,Mila,Avery,Layla,Abigail,Ella,
Grace,Victoria,Hannah,Lucy,Naomi,Ruby,Alice,Madeline,Zoe,Rachel,Margaret,Judith,Beatrice,Liam,Noah,Oliver,Theodore,
James,Henry,Mateo,Elijah,Lucas,William,Benjamin,Levi,Ezra,Sebastian,Jack,Daniel,Samuel,Michael,Ethan,Asher,John,
Hudson,Luca,Leo,Elias,Owen,Alexander,Dylan,Santiago,Julian,David,Joseph,Matthew,Luke,Jackson,Wyatt,Thomas,Isaac,
Gabriel,Charles,Anthony,Nathan,Andrew,Joshua,Christopher,Walter,Frederick,Dominic,Patrick,Marcus,Vincent,Russell`

const englishFamily = `Smith,Johnson,Williams,Brown,Jones,Miller,Davis,Wilson,Anderson,Taylor,Thomas,Moore,Jackson,Martin,
Thompson,White,Harris,Clark,Lewis,Robinson,Walker,Young,Allen,King,Wright,Scott,Hill,Green,Adams,Nelson,Baker,Hall,
Campbell,Mitchell,Carter,Roberts,Phillips,Evans,Turner,Parker,Collins,Edwards,Stewart,Morris,Murphy,Cook,Rogers,
Morgan,Cooper,Peterson,Bailey,Reed,Kelly,Howard,Ward,Cox,Richardson,Watson,Brooks,Wood,Bennett,Gray,Hughes,Price,
Myers,Long,Foster,Sanders,Ross,Powell,Sullivan,Russell,Jenkins,Perry,Butler,Barnes,Fisher,Henderson,Coleman,Simmons,
Patterson,Jordan,Reynolds,Hamilton,Graham,O'Brien,O'Connor,McDonald,McCarthy,Fitzgerald,Ashworth,Blackwood,Whitaker,
Holloway,Pemberton,Hawthorne,Lockwood,Winslow,Thornton,Sinclair,Kensington,Aldridge,Bancroft,Carmichael,Dunmore`

const spanishGiven = `María,Lucía,Carmen,Ana,Laura,Marta,Elena,Sofía,Paula,Isabel,Cristina,Raquel,Pilar,Rosa,Beatriz,Silvia,
Patricia,Julia,Irene,Nuria,Rocío,Alba,Inés,Claudia,Adriana,Noelia,Verónica,Mónica,Belén,Ximena,Guadalupe,Dolores,
Antonio,José,Manuel,Francisco,Juan,David,Javier,Daniel,Carlos,Jesús,Alejandro,Miguel,Rafael,Pablo,Pedro,Ángel,Sergio,
Fernando,Jorge,Luis,Alberto,Álvaro,Adrián,Diego,Raúl,Iván,Rubén,Óscar,Andrés,Enrique,Ramón,Víctor,Joaquín,Hugo,
Íñigo,Gonzalo,Martín,Nicolás,Emilio,Esteban,José Luis,Juan Carlos,María José,Ana Belén`

const spanishFamily = `García,González,Rodríguez,Fernández,López,Martínez,Sánchez,Pérez,Gómez,Martín,Jiménez,Ruiz,Hernández,
Díaz,Moreno,Álvarez,Muñoz,Romero,Alonso,Gutiérrez,Navarro,Torres,Domínguez,Vázquez,Ramos,Gil,Ramírez,Serrano,Blanco,
Molina,Morales,Suárez,Ortega,Delgado,Castro,Ortiz,Rubio,Marín,Sanz,Núñez,Iglesias,Medina,Garrido,Cortés,Castillo,
Santos,Lozano,Guerrero,Cano,Prieto,Méndez,Cruz,Calvo,Gallego,Vidal,León,Márquez,Herrera,Peña,Flores,Cabrera,Campos,
Vega,Fuentes,Carrasco,Diez,Reyes,Caballero,Nieto,Aguilar,Pascual,Santana,Herrero,Montero,Lorenzo,Hidalgo,Giménez,
Ibáñez,Ferrer,Durán,Zúñiga,Echeverría`

const portugueseGiven = `Ana,Beatriz,Bruna,Camila,Carolina,Catarina,Cláudia,Débora,Fernanda,Flávia,Gabriela,Helena,Inês,Joana,
Juliana,Larissa,Letícia,Luana,Luísa,Mariana,Marta,Natália,Patrícia,Rafaela,Renata,Sônia,Tânia,Teresa,Vanessa,Vitória,
Afonso,André,Antônio,Arthur,Bernardo,Bruno,Caio,Carlos,Diogo,Duarte,Eduardo,Fábio,Felipe,Flávio,Francisco,Gonçalo,
Guilherme,Gustavo,Henrique,Hugo,João,Joaquim,José,Leonardo,Lucas,Luís,Marcelo,Márcio,Mateus,Miguel,Nuno,Otávio,Paulo,
Pedro,Rafael,Ricardo,Rodrigo,Sérgio,Thiago,Tomás,Vinícius`

const portugueseFamily = `Silva,Santos,Oliveira,Souza,Rodrigues,Ferreira,Alves,Pereira,Lima,Gomes,Costa,Ribeiro,Martins,Carvalho,
Almeida,Lopes,Soares,Fernandes,Vieira,Barbosa,Rocha,Dias,Nascimento,Andrade,Moreira,Nunes,Marques,Machado,Mendes,
Freitas,Cardoso,Ramos,Gonçalves,Santana,Teixeira,Araújo,Pinto,Cavalcanti,Monteiro,Moura,Correia,Campos,Batista,
Azevedo,Cunha,Macedo,Reis,Fonseca,Magalhães,Brandão,Guimarães,Assunção,Conceição,Falcão,Galvão,Leitão,Simões,Antunes,
Figueiredo,Henriques,Jardim,Lacerda,Medeiros,Neves,Paiva,Queirós,Sampaio,Tavares,Vasconcelos`

const frenchGiven = `Camille,Chloé,Léa,Manon,Inès,Louise,Zoé,Jade,Émilie,Céline,Hélène,Aurélie,Élodie,Mathilde,Juliette,
Margaux,Clémence,Noémie,Agathe,Éléonore,Françoise,Geneviève,Sylvie,Véronique,Isabelle,Nathalie,Thérèse,Aïcha,Maëlys,
Anaïs,Lucie,Pauline,Gabriel,Raphaël,Léo,Louis,Hugo,Jules,Adam,Arthur,Maël,Théo,Noé,Étienne,François,Jérôme,Rémi,
Sébastien,Stéphane,Frédéric,Benoît,Gaël,Loïc,Cédric,Aurélien,Clément,Mathieu,Thibault,Guillaume,Olivier,Pascal,
Laurent,Thierry,Yannick,Baptiste,Jean-Luc,Jean-Pierre,Marie-Claire,Anne-Sophie`

const frenchFamily = `Martin,Bernard,Thomas,Petit,Robert,Richard,Durand,Dubois,Moreau,Laurent,Simon,Michel,Lefèvre,Leroy,Roux,
Fournier,Morel,Girard,André,Mercier,Dupont,Lambert,Bonnet,François,Martinez,Legrand,Garnier,Faure,Rousseau,Blanc,
Guérin,Muller,Henry,Roussel,Nicolas,Perrin,Morin,Mathieu,Clément,Gauthier,Dumont,Lopez,Fontaine,Chevalier,Robin,
Masson,Sanchez,Gérard,Noël,Boyer,Denis,Lemaire,Duval,Joly,Gautier,Roger,Renaud,Gaillard,Hébert,Aubert,Rivière,
Lacroix,Brun,Picard,Delacroix,Beaumont,Château,Desprès,Fénelon,Lévêque,Maçon,Pâquet,Saint-Exupéry`

const germanGiven = `Anna,Anke,Bärbel,Birgit,Brigitte,Charlotte,Claudia,Elke,Emma,Franziska,Frieda,Greta,Gudrun,Hannah,Heike,
Helga,Ingrid,Jana,Johanna,Jürgen,Karin,Katharina,Klara,Käthe,Lena,Leonie,Lieselotte,Marie,Marlene,Mathilda,Monika,
Petra,Renate,Sabine,Silke,Sophie,Susanne,Ursula,Ute,Anton,Benedikt,Björn,Christoph,Dieter,Dietmar,Emil,Felix,Florian,
Friedrich,Georg,Götz,Günter,Hans,Heinrich,Helmut,Jakob,Jan,Johannes,Jonas,Jörg,Karl,Klaus,Konrad,Leon,Lukas,Lutz,
Markus,Matthias,Maximilian,Moritz,Niklas,Otto,Paul,Rüdiger,Sören,Stefan,Thorsten,Ulrich,Uwe,Wolfgang,Karl-Heinz`

const germanFamily = `Müller,Schmidt,Schneider,Fischer,Weber,Meyer,Wagner,Becker,Schulz,Hoffmann,Schäfer,Koch,Bauer,Richter,
Klein,Wolf,Schröder,Neumann,Schwarz,Zimmermann,Braun,Krüger,Hofmann,Hartmann,Lange,Schmitt,Werner,Krause,Lehmann,
Köhler,Maier,Herrmann,König,Walter,Mayer,Huber,Kaiser,Fuchs,Peters,Lang,Scholz,Möller,Weiß,Jung,Hahn,Schubert,Vogel,
Friedrich,Keller,Günther,Frank,Berger,Winkler,Roth,Beck,Lorenz,Baumann,Franke,Albrecht,Schuster,Böhm,Groß,Jäger,
Strauß,Kühn,Brandt,Haas,Schreiber,Dietrich,Ziegler,Kuhn,Vogt,Engel,Sauer,von Bülow,Weißmüller,Großkopf`

const italianGiven = `Alessia,Alice,Anna,Arianna,Aurora,Beatrice,Bianca,Camilla,Caterina,Chiara,Cristina,Elena,Eleonora,Elisa,
Federica,Francesca,Gaia,Ginevra,Giorgia,Giulia,Greta,Ilaria,Laura,Lucia,Ludovica,Margherita,Maria,Martina,Matilde,
Noemi,Rosa,Sara,Silvia,Sofia,Valentina,Alessandro,Andrea,Antonio,Carlo,Claudio,Daniele,Davide,Domenico,Edoardo,
Emanuele,Enrico,Fabio,Federico,Filippo,Francesco,Gabriele,Giacomo,Gianluca,Giorgio,Giovanni,Giuseppe,Leonardo,Lorenzo,
Luca,Marco,Mario,Matteo,Mattia,Michele,Nicolò,Paolo,Pietro,Riccardo,Roberto,Salvatore,Simone,Stefano,Tommaso,Niccolò`

const italianFamily = `Rossi,Russo,Ferrari,Esposito,Bianchi,Romano,Colombo,Ricci,Marino,Greco,Bruno,Gallo,Conti,De Luca,
Mancini,Costa,Giordano,Rizzo,Lombardi,Moretti,Barbieri,Fontana,Santoro,Mariani,Rinaldi,Caruso,Ferrara,Galli,Martini,
Leone,Longo,Gentile,Martinelli,Vitale,Lombardo,Serra,Coppola,De Santis,D'Angelo,Marchetti,Parisi,Villa,Conte,Ferraro,
Ferri,Fabbri,Bianco,Marini,Grasso,Valentini,Messina,Sala,De Angelis,Gatti,Pellegrini,Palumbo,Sanna,Farina,Rizzi,Monti,
Cattaneo,Morelli,Amato,Silvestri,Mazza,Testa,Grassi,Pellegrino,Carbone,Giuliani,Benedetti,Barone,D'Amico,Nicolò`

const polishGivenFeminine = `Anna,Maria,Katarzyna,Małgorzata,Agnieszka,Barbara,Ewa,Elżbieta,Zofia,Krystyna,Magdalena,Joanna,
Aleksandra,Monika,Teresa,Danuta,Natalia,Julia,Karolina,Marta,Beata,Dorota,Janina,Alicja,Halina,Grażyna,Iwona,Paulina,
Żaneta,Weronika,Bożena,Łucja,Hanna,Zuzanna,Kinga`

const polishGivenMasculine = `Piotr,Krzysztof,Andrzej,Tomasz,Jan,Paweł,Michał,Marcin,Stanisław,Jakub,Adam,Marek,Łukasz,Grzegorz,
Mateusz,Wojciech,Mariusz,Dariusz,Zbigniew,Jerzy,Maciej,Rafał,Robert,Kamil,Jacek,Józef,Henryk,Sławomir,Paweł,Ryszard,
Bartosz,Wiesław,Władysław,Żegota,Szymon,Kacper`

const polishFamily = `Nowak,Kowalski,Wiśniewski,Wójcik,Kowalczyk,Kamiński,Lewandowski,Zieliński,Szymański,Woźniak,Dąbrowski,
Kozłowski,Mazur,Jankowski,Kwiatkowski,Wojciechowski,Krawczyk,Kaczmarek,Piotrowski,Grabowski,Zając,Pawłowski,Król,
Michalski,Wróbel,Wieczorek,Jabłoński,Nowakowski,Majewski,Olszewski,Dudek,Jaworski,Adamczyk,Stępień,Malinowski,Górski,
Nowicki,Pawlak,Sikora,Witkowski,Rutkowski,Walczak,Baran,Michalak,Szewczyk,Ostrowski,Tomaszewski,Pietrzak,Wróblewski,
Zalewski,Duda,Jasiński,Marciniak,Sadowski,Bąk,Zawadzki,Jakubowski,Wilk,Chmielewski,Borkowski,Włodarczyk,Łukasik,
Sokołowski,Szczepański,Sawicki,Kucharski,Maciejewski,Czarnecki,Kubiak,Kołodziej,Urbański,Szulc,Żukowski,Ćwikliński`

const turkishGiven = `Ayşe,Fatma,Emine,Hatice,Zeynep,Elif,Meryem,Şerife,Sultan,Hanife,Merve,Büşra,Esra,Kübra,Özlem,Gülsüm,
Çiğdem,İrem,Şeyma,Ümmühan,Nazlı,Pınar,Sevgi,Songül,Tuğba,Yağmur,Aslı,Defne,Ebru,Gizem,Melis,Selin,Mehmet,Mustafa,Ahmet,
Ali,Hüseyin,Hasan,İbrahim,İsmail,Osman,Yusuf,Murat,Ömer,Ramazan,Halil,Süleyman,Abdullah,Mahmut,Salih,Kemal,Recep,Emre,
Burak,Çağlar,Doğan,Ertuğrul,Gökhan,Güneş,Işık,Kağan,Oğuz,Özgür,Şükrü,Tuğrul,Ümit,Volkan,Yiğit,Barış,Can`

const turkishFamily = `Yılmaz,Kaya,Demir,Çelik,Şahin,Yıldız,Yıldırım,Öztürk,Aydın,Özdemir,Arslan,Doğan,Kılıç,Aslan,Çetin,Kara,
Koç,Kurt,Özkan,Şimşek,Polat,Korkmaz,Özcan,Çakır,Erdoğan,Can,Yavuz,Şen,Acar,Aktaş,Güler,Yalçın,Güneş,Bozkurt,Bulut,
Keskin,Ünal,Turan,Gül,Özer,Işık,Kaplan,Avcı,Sarı,Tekin,Taş,Köse,Yüksel,Ateş,Aksoy,Uysal,Ceylan,Aydoğan,Uçar,Bayram,
Karaca,Türk,Güven,Uzun,İnce,Sezer,Öz,Ekinci,Çiftçi,Akın,Ağaoğlu,Büyükdağ,İpekçi,Şener,Gündoğdu`

const vietnameseGiven = `An,Anh,Anh Thư,Bảo,Bảo Ngọc,Bình,Châu,Chi,Công,Cường,Diễm,Diệu,Dũng,Dung,Duy,Dương,Đạt,Đức,Giang,
Gia Hân,Hà,Hải,Hạnh,Hằng,Hiền,Hiếu,Hoa,Hoàng,Hồng,Hùng,Huy,Huyền,Hương,Khánh,Khoa,Kiên,Kim Ngân,Lan,Lâm,Linh,Loan,
Long,Mai,Mạnh,Minh,Minh Anh,Minh Khôi,My,Nam,Nga,Ngân,Nghĩa,Ngọc,Nguyệt,Nhung,Phong,Phúc,Phương,Quân,Quang,Quỳnh,
Sơn,Tâm,Thảo,Thắng,Thanh,Thành,Thịnh,Thu,Thủy,Tiến,Trang,Trung,Tú,Tuấn,Tuyết,Uyên,Vân,Việt,Vinh,Vy,Xuân,Yến`

const vietnameseFamily = `Nguyễn,Trần,Lê,Phạm,Hoàng,Huỳnh,Phan,Vũ,Võ,Đặng,Bùi,Đỗ,Hồ,Ngô,Dương,Lý,Nguyễn Thị,Trần Thị,Lê Thị,
Phạm Thị,Nguyễn Văn,Trần Văn,Lê Văn,Phạm Văn,Nguyễn Đức,Nguyễn Minh,Trần Minh,Lê Minh,Phạm Minh,Đào,Đinh,Đoàn,Hà,Kiều,
Lâm,Lương,Mai,Nghiêm,Phùng,Quách,Tạ,Tăng,Thái,Tô,Tôn,Trịnh,Trương,Từ,Văn,Vương,Hoàng Thị,Huỳnh Thị,Phan Thị,Vũ Thị,
Đặng Thị,Bùi Thị,Đỗ Thị,Hồ Thị,Ngô Thị,Cao,Châu,Chu,Diệp,La`

const yorubaGiven = `Adébáyọ̀,Adéọlá,Adéwálé,Adétóún,Àìná,Akin,Àlàbá,Àyọ̀,Ayọ̀mídé,Babátúndé,Bánkọ́lé,Bólájí,Bùkọ́lá,Dàmiọ́lá,
Dáre,Dúpẹ́,Ẹniọlá,Fadékẹ́mi,Fẹ́mi,Fọlákẹ́,Fúnmiláyọ̀,Gbénga,Ìbùkún,Ìdòwú,Ifẹ́olúwa,Ìyábọ̀,Jìdé,Káyọ̀dé,Kẹ́hìndé,Kọ́lá,
Kúnlé,Láńre,Mọyọ̀,Níyì,Ọláídé,Ọlámídé,Olúfẹ́mi,Olúṣẹ́gun,Olúwaṣeun,Olúwatóbi,Olúwatóyìn,Ọmọlará,Ọpẹ́,Ṣadé,Ṣẹ̀san,Ṣẹ́gun,
Ṣọlá,Ṣùlé,Táíwò,Tèmítọ́pẹ́,Tìtílayọ̀,Tóbi,Tọ́pẹ́,Túndé,Wálé,Wọlé,Yéjídé,Yétúndé,Yínká,Yọ̀mí,Ronkẹ́,Mojísọ́lá`

const yorubaFamily = `Abíọ́dún,Abíọ́lá,Adébísí,Adédèjì,Adélékè,Adéníyì,Adéọ̀ṣun,Adérìnọlá,Adéyẹmí,Adéyẹmọ,Àjàyí,Àkànbí,Akíndélé,
Akínọlá,Akínwándé,Àlàbí,Àrẹ̀mú,Awólọ́wọ̀,Ayọ̀délé,Babalọlá,Bádéjọ́,Balógun,Bámgbóṣé,Dáúdà,Ẹniọlá,Fábùnmi,Fádípẹ̀,Fágbèmí,
Fálànà,Fásọlá,Fáshọlá,Gbádébọ̀,Ìṣọ̀lá,Jẹ́gẹ́dẹ́,Kúyẹ̀,Ládípọ̀,Lawál,Mákindé,Ọbáfẹ́mi,Odùkọ̀yà,Odùntán,Ògúnbánjọ,Ògúndípẹ̀,
Ògúnlésì,Ọláníyan,Ọláòsebìkan,Ọlátúnjí,Olówóókéré,Olúwọlé,Ọ̀níṣílé,Oyèdélé,Oyèkàn,Oyèlárán,Oyèníyì,Ṣódiípò,Ṣóyínká,
Sànúsí,Tínúbu,Túbọ̀sún,Òkè,Òjó,Bánjọ́`
