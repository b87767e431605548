"""Names to copy: spelled alike in English, German and French, each in exactly one list.

Left out: names of both genders (Kim, Robin), names that are everyday words (Rose, Will),
cities that change their spelling between the languages (London, Londres).
"""


def listed(words: str) -> tuple[str, ...]:
    """Words of a text, however its lines break."""
    return tuple(words.split())


FEMALE = listed(
    """
    Anna Emma Mia Hannah Sophia Lena Lea Leonie Laura Lisa Julia Sarah Katharina Johanna Clara Klara
    Frieda Greta Ida Paula Lotte Mathilda Martha Emilia Amelie Nele Pia Svenja Ulrike Sabine Birgit Monika
    Petra Renate Ingrid Helga Gisela Ursula Heike Silke Antje Anke Elke Gudrun Sigrid Astrid Annika Steffi
    Tanja Anja Kerstin Heidi Liesel Gretel Trude Hedwig Irmgard Brigitte Christa Claudia Daniela Franziska
    Friederike Alice Betty Nancy Kate Meg Cathy Judy Lucy Susan Linda Jane Ann Anne Emily Jennifer Jessica
    Ashley Amanda Melissa Deborah Stephanie Rebecca Helen Carol Ruth Sharon Michelle Barbara Elizabeth
    Margaret Dorothy Kimberly Donna Cynthia Kathleen Pamela Nicole Samantha Catherine Christine Debra
    Rachel Janet Maria Heather Diane Julie Joyce Victoria Kelsey Lauren Joan Evelyn Olivia Megan Cheryl
    Jacqueline Martina Teresa Doris Gloria Janice Kathryn Abigail Denise Brittany Danielle Marilyn Beverly
    Charlotte Isabella Theresa Diana Natalie Sandra Brenda Mary Marie Fiona Moira Siobhan Eileen Bridget
    Maureen Peggy Molly Polly Sally Ellen Ella Eva Nora Zoe Chloé Léa Manon Inès Louise Margaux Juliette
    Océane Élodie Aurélie Céline Émilie Mathilde Clémence Solène Hélène Valérie Sylvie Nathalie Isabelle
    Véronique Françoise Monique Brigid Simone Colette Odette Yvette Yvonne Geneviève Josette Ginette
    Madeleine Marguerite Thérèse Bernadette Amélie Noémie Anaïs Maëlle Gaëlle Noëlle Agathe Elif Zeynep
    Aylin Fatma Emine Gülay Ebru Sevgi Leyla Esra Ceren Merve Yasemin Selin Dilara Nurcan Songül Agnieszka
    Katarzyna Zofia Jadwiga Ewa Kasia Beata Dorota Halina Grażyna Bogna Magdalena Wanda Danuta Priya
    Anjali Deepika Lakshmi Kavita Sunita Meera Shreya Divya Pooja Aishwarya Neha Ananya Radha Sita Indira
    Fatima Aisha Khadija Zainab Layla Mariam Amina Salma Nadia Samira Yasmin Rania Farida Latifa Soraya
    Noura Hoda Leila Dunja Mei Xiulan Lihua Meiling Yanling Xiaoyan Yuki Keiko Yoko Naomi Aiko Haruka
    Emiko Michiko Tomoko Noriko Sumi Soyeon Jiwoo Minji Eunji Linh Thuy Ngozi Adaeze Chiamaka Amara
    Folasade Wanjiru Akinyi Thandiwe Nomvula Zanele Lerato Abena Akosua Esi Fatoumata Aminata Aïssatou
    Mariama Makena Carmen Lucía Sofía Isabel Pilar Dolores Rosario Consuelo Ximena Valentina Camila
    Gabriela Guadalupe Esperanza Inés Alejandra Fernanda Mariana Beatriz Conceição Giulia Chiara Francesca
    Alessia Federica Ginevra Giovanna Bianca Olga Tatjana Svetlana Irina Natascha Ludmila Oksana Katja
    Galina Ilona Zsófia Katalin Eszter Jana Lenka Zuzana Milena Jelena Ivana Snežana Mirjana Dragana Freya
    Solveig Sigga Liv Maja Elin Linnea Aino Päivi Anneli Kirsten Marit Ragnhild Despina Eleni Ioanna
    Athina Miriam Rivka Shira Tamar Esther Judith Edith Agatha Adele Agnes Cecilia Eleonora Ophelia
    Beatrice Octavia
    """
)

MALE = listed(
    """
    Tom John Peter Paul Max Felix Lukas Jonas Leon Finn Elias Noah Ben Moritz Anton Emil Oskar Karl
    Friedrich Wilhelm Heinrich Hermann Otto Gustav Ludwig Fritz Hans Jürgen Klaus Dieter Günter Horst
    Helmut Gerhard Manfred Rainer Uwe Bernd Detlef Wolfgang Stefan Thomas Andreas Michael Matthias Markus
    Sebastian Tobias Florian Dominik Benedikt Korbinian Alois Xaver Sepp Rolf Ralf Jörg Jens Sven Torsten
    Thorsten Holger Lars Nils Malte Hauke Fiete Konrad Kurt Werner Walter Rudolf Siegfried Lothar Volker
    Reinhard Eberhard James Robert William David Richard Joseph Charles Christopher Daniel Matthew Anthony
    Donald Steven Andrew Kenneth Joshua Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Jacob
    Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel Gregory Alexander
    Patrick Jack Dennis Jerry Tyler Aaron Henry Douglas Nathan Zachary Kyle Ethan Jeremy Keith Roger Bill
    Bob Jim Mike Ken Fred Ted Tony Nick Steve Dave Dan Joe Harry Oliver Oscar Archie Liam Mason Logan
    Lucas Aiden Caleb Dylan Connor Declan Seamus Padraig Angus Hamish Duncan Malcolm Ewan Callum Gareth
    Rhys Owen Nigel Trevor Clive Graham Stuart Pierre Jacques Louis Antoine François Étienne Guillaume
    Mathieu Julien Nicolas Sébastien Olivier Laurent Thierry Pascal Didier Bruno Fabrice Cédric Arnaud
    Benoît Rémi Théo Hugo Jules Léo Raphaël Gaspard Bastien Clément Adrien Baptiste Maxime Quentin Romain
    Damien Xavier Gérard Marcel Émile Gaston Armand Lucien Mehmet Mustafa Ahmet Ali Hüseyin Hasan İsmail
    Murat Emre Burak Kemal Orhan Serkan Tarkan Volkan Cem Erdal Piotr Krzysztof Andrzej Tomasz Paweł Marek
    Jakub Mateusz Wojciech Zbigniew Kazimierz Stanisław Bogdan Rajesh Sanjay Amit Vijay Arjun Rohan Vikram
    Ravi Anil Sunil Suresh Ramesh Krishna Aditya Rahul Nikhil Deepak Mohammed Ahmed Omar Youssef Ibrahim
    Khalid Hassan Tariq Karim Rashid Faisal Bilal Hamza Mahmoud Mustapha Abdullah Nabil Jamal Rachid Mehdi
    Wei Jian Xiang Junjie Haoran Zhiwei Guoqiang Kenji Hiroshi Takeshi Akira Satoshi Kazuo Ichiro Daisuke
    Shinji Minho Jihoon Sungmin Dongwook Minh Quang Tuan Chinedu Emeka Obinna Olumide Babatunde Tunde Kofi
    Kwame Kwabena Yaw Mamadou Ousmane Abdoulaye Cheikh Moussa Sekou Thabo Sipho Themba Mandla Kamau Otieno
    Mwangi Jabari Tendai Tafadzwa Carlos Pedro Pablo Miguel Javier Alejandro Fernando Rodrigo Gonzalo
    Esteban Ignacio Joaquín Ramón Raúl Rafael Jorge Luis Álvaro Manuel Enrique Eduardo Ricardo Sergio João
    Thiago Luca Marco Giovanni Giuseppe Matteo Lorenzo Alessandro Leonardo Stefano Paolo Enzo Mario Fabio
    Massimo Ivan Dmitri Sergej Vladimir Boris Oleg Igor Jurij Taras Bohdan Pavel Jiří Václav Ondřej László
    Zoltán Gábor István Attila Zoran Goran Dragan Slobodan Radu Mihai Erik Gunnar Olaf Björn Håkan Mikkel
    Søren Rasmus Jukka Mikko Eero Pekka Kostas Dimitris Giorgos Spiros Moshe Avi Eitan Uri Ilan Isaac
    Abraham Adrian Albert Alfred Arthur Edgar
    """
)

SURNAMES = listed(
    """
    Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Roberts Jackson
    Harris Clarke Anderson Miller Moore Campbell Mitchell Murphy Kelly Sullivan Gallagher Doyle Kennedy
    Fitzgerald Henderson Patterson Simpson Ferguson MacDonald McCarthy McKenzie Sanderson Hawthorne
    Whitaker Müller Schmidt Schneider Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Schröder Neumann
    Braun Zimmermann Krüger Hartmann Schmitt Krause Meier Lehmann Köhler Huber Fuchs Scholz Möller Hahn
    Vogel Friedrichs Keller Günther Winkler Lorenz Baumann Albrecht Schuster Simon Böhm Krämer Martin
    Bernard Dubois Durand Leroy Moreau Lefebvre Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau
    Mercier Blanchard Garnier Gauthier Perrin Morel Faure Dumont Picard Lemoine Yılmaz Demir Kaya Öztürk
    Aydın Arslan Doğan Kılıç Kowalski Nowak Wiśniewski Wójcik Lewandowski Zieliński Szymański Patel Sharma
    Singh Kumar Gupta Mehta Banerjee Chatterjee Iyer Khan Hussain Haddad Mansour Khoury Benali Bouazizi
    Wang Zhang Chen Huang Zhao Tanaka Suzuki Yamamoto Watanabe Nakamura Kobayashi Nguyen Tran Okafor
    Adeyemi Okonkwo Mensah Boateng Diallo Traoré Keita Mbeki Dlamini Nkosi Moyo García Fernández González
    Rodríguez López Martínez Sánchez Pérez Gómez Díaz Álvarez Romero Navarro Torres Silva Santos Oliveira
    Pereira Rossi Esposito Bianchi Ricci Ivanov Petrov Novák Horváth Nagy Szabó Popescu Ionescu Jovanović
    Petrović Hansen Larsen Andersen Nielsen Johansson Lindqvist Virtanen Papadopoulos Einstein Darwin
    Beethoven Mozart Shakespeare Lincoln Roosevelt Edison Picasso Chopin Obama
    """
)

CITIES = listed(
    """
    Boston Paris Berlin Madrid Chicago Dublin Oslo Stockholm Helsinki Amsterdam Rotterdam Budapest
    Bratislava Ljubljana Zagreb Sarajevo Tallinn Riga Vilnius Minsk Liverpool Manchester Birmingham Leeds
    Sheffield Bristol Cardiff Belfast Glasgow Oxford Cambridge Brighton Southampton Portsmouth Plymouth
    Nottingham Leicester Coventry Newcastle Aberdeen Inverness Limerick Galway Seattle Portland Denver
    Houston Austin Phoenix Atlanta Miami Orlando Tampa Detroit Cleveland Cincinnati Pittsburgh Baltimore
    Minneapolis Milwaukee Omaha Memphis Nashville Albuquerque Tucson Sacramento Honolulu Anchorage Toronto
    Vancouver Ottawa Winnipeg Calgary Edmonton Halifax Sydney Melbourne Brisbane Perth Adelaide Canberra
    Darmstadt Auckland Wellington Christchurch Dunedin Leipzig Dortmund Stuttgart Bochum Wuppertal
    Bielefeld Bonn Mannheim Karlsruhe Wiesbaden Chemnitz Kiel Erfurt Rostock Kassel Potsdam Heidelberg
    Paderborn Heilbronn Ulm Bremerhaven Wolfsburg Bamberg Passau Weimar Görlitz Graz Innsbruck Klagenfurt
    Bregenz Lausanne Lugano Winterthur Montreux Toulouse Nantes Bordeaux Lille Rennes Reims Grenoble Dijon
    Angers Nîmes Brest Limoges Amiens Metz Besançon Orléans Rouen Caen Avignon Cannes Antibes Biarritz
    Calais Perpignan Poitiers Liège Charleroi Namur Ankara Istanbul Izmir Antalya Bursa Gdynia Sopot
    Katowice Lublin Bydgoszcz Poznań Łódź Szczecin Rzeszów Brno Ostrava Debrecen Szeged Timișoara Sofia
    Plovdiv Varna Skopje Tirana Podgorica Mumbai Bangalore Chennai Jaipur Karachi Lahore Kathmandu Bangkok
    Jakarta Surabaya Osaka Nagoya Kobe Yokohama Sapporo Hiroshima Nagasaki Fukuoka Sendai Shanghai
    Shenzhen Chengdu Wuhan Nanjing Hangzhou Taipei Busan Incheon Lagos Abuja Kano Ibadan Accra Kumasi
    Abidjan Bamako Dakar Conakry Lomé Cotonou Ouagadougou Kinshasa Luanda Lusaka Harare Nairobi Mombasa
    Kampala Kigali Durban Pretoria Rabat Casablanca Agadir Doha Amman Lima Cusco Quito Guayaquil Caracas
    Maracaibo Medellín Cali Mendoza Montevideo Recife Curitiba Brasilia Guadalajara Monterrey Acapulco
    Managua Bilbao Valladolid Porto Braga Coimbra Bari Rimini Bergen Trondheim Stavanger Malmö Uppsala
    Aarhus Odense Aalborg Tampere Turku Reykjavik Kushiro Nara
    """
)

# Names that the other language may spell otherwise: {language: {English: other spellings}}.
SPELLINGS = {
    "German": {
        "Mary": ("Maria", "Marie"),
        "Alice": ("Elke",),
        "John": ("Johannes",),
        "London": (),
        "Tokyo": ("Tokio", "Tōkyō"),
        "Kyoto": ("Kioto", "Kyōto"),
        "Osaka": ("Ōsaka",),
        "Rome": ("Rom",),
    },
    "French": {
        "Mary": ("Marie", "Maria"),
        "John": ("Jean",),
        "London": ("Londres",),
        "Tokyo": (),
        "Kyoto": (),
        "Rome": (),
    },
}
TRANSLATED_CITIES = ("London", "Tokyo", "Kyoto", "Rome")
