"""Sentences spoken by the synthesisers, written for this project.

The last quarter of every language is held out: it is spoken only in evaluation.
Training also speaks random regroupings of the words, so that words carry no style.
"""

SENTENCES = {
    "en": """The morning train was late again, so we walked along the river.
She opened the window and let the cold air into the kitchen.
Nobody expected the old machine to work after so many years.
Please leave your keys on the table before you go home.
A small dog followed the children all the way to school.
What time does the library close on a holiday?
He has never seen so much snow in the middle of April.
They painted the front door green, but the neighbours did not like it.
Can you tell me how far the station is from here?
The price of bread went up twice during the winter.
I would rather stay at home and read a good book.
Every garden on this street has at least one apple tree.
The doctor said that nothing was wrong with my left shoulder.
Put the heavy boxes near the wall, and the light ones on top.
Our teacher speaks five languages and plays the violin.
We waited for an hour, then the bus finally came.
Did anyone remember to feed the fish yesterday?
The judge asked the witness to repeat the last sentence.
A thin layer of ice covered the lake at sunrise.
You should really try the soup, it is very good today.
My father used to fix watches in a tiny shop downtown.
The museum shows the first telephones ever made in this country.
Strong winds are expected along the northern coast tonight.
Turn left at the second bridge and keep going until the church.
There were seven candidates, yet only two came to the meeting.
Her voice was calm, although her hands were shaking.
The farmer counted his sheep twice and still got it wrong.
Why would somebody hide a letter under the floor?
Fresh paint, do not touch the walls or the stairs.
The engine makes a strange noise whenever I slow down.
They built the house on a hill, far above the valley.
It took us three days to find the missing page.
Good evening, and welcome to the program.
The new bakery sells warm rolls from six in the morning.
He wrote a long report about the weather and nobody read it.
Sugar, flour, butter and a little salt, that is all you need.
I am sorry, the number you called is not available.
Two boats left the harbour just before the storm began.
The cat jumped over the fence and ran into the field.
Is there another way to open this old wooden chest?
Music filled the square while people danced until midnight.
Give me one good reason to change the plan now.
The sky turned purple, and then everything went quiet.
Few visitors know that the tower was once a prison.
Her brother collects stamps from islands nobody has heard of.
The winner will be announced on Thursday at noon.
Some questions are easier to ask than to answer.
Please hold the line, someone will be with you shortly.
A yellow bicycle leaned against the garden wall.
We should meet again when the harvest is over.
The pilot spoke slowly so that everyone could follow.
How many lemons do you want for the cake?
Old maps often show places that never existed.
The nurse closed the curtains and turned off the lamp.
Ships from every country used to anchor in this bay.
Nothing tastes better than cold water after a long walk.""",
    "de": """Der Zug kommt heute leider zwanzig Minuten später an.
Hast du den Schlüssel schon wieder im Garten verloren?
Meine Schwester wohnt seit drei Jahren in einer kleinen Stadt am Meer.
Am Abend wurde es kühl, und alle gingen nach Hause.
Das Wetter bleibt bis Freitag freundlich und trocken.
Wir brauchen Brot, Milch und etwas Käse für morgen früh.
Niemand wusste, warum die Glocke um Mitternacht läutete.
Bitte sprechen Sie nach dem Ton.""",
    "fr": """Le train de Paris arrive avec vingt minutes de retard.
Elle a trouvé une vieille lettre dans le tiroir de la cuisine.
Voulez-vous encore un peu de soupe, ou préférez-vous le fromage?
Mon frère travaille dans une petite librairie près du port.
Il fait froid ce matin, mais le soleil brille déjà.
Personne ne savait pourquoi la porte était ouverte.
Les enfants jouent dans le jardin depuis midi.
Veuillez laisser un message après le signal.""",
    "es": """El tren de la mañana llegó tarde otra vez.
Mi abuela prepara una sopa muy buena con pan y ajo.
¿Sabes a qué hora cierra la biblioteca los domingos?
Los niños corrieron hasta la playa antes de la tormenta.
Nadie quiso comprar la casa vieja del puerto.
Necesitamos harina, leche y dos limones para el pastel.
El médico dijo que no era nada grave.
Por favor, deje su mensaje después del tono.""",
    "it": """Il treno per Milano parte dal terzo binario.
Mia sorella ha comprato una bicicletta gialla al mercato.
Vuoi ancora un po' di pane, oppure preferisci la frutta?
Ieri sera il cielo era pieno di stelle.
Nessuno ricordava il nome di quella piccola isola.
Il professore parla cinque lingue e suona il violino.
La porta della chiesa era chiusa da molti anni.
Lasciate un messaggio dopo il segnale.""",
    "ru": """Поезд опоздал на двадцать минут, и мы пошли пешком.
Моя сестра живёт в маленьком городе у моря.
Сколько времени осталось до начала урока?
Вечером стало холодно, и дети вернулись домой.
Никто не знал, почему дверь была открыта.
Нам нужно купить хлеб, молоко и немного сыра.
Старый доктор говорил тихо и очень медленно.
Пожалуйста, оставьте сообщение после сигнала.""",
    "pt": """O comboio da manhã chegou outra vez atrasado.
A minha avó faz uma sopa muito boa com pão e alho.
Ninguém sabia porque a porta estava aberta.
Os meninos correram até à praia antes da chuva.""",
    "nl": """De trein naar Utrecht vertrekt over tien minuten.
Mijn broer werkt in een kleine winkel bij de haven.
Niemand wist waarom de deur open stond.
Het wordt vanavond koud, dus neem een jas mee.""",
    "pl": """Pociąg do Krakowa spóźnił się dwadzieścia minut.
Moja siostra mieszka w małym mieście nad morzem.
Nikt nie wiedział, dlaczego drzwi były otwarte.
Proszę zostawić wiadomość po sygnale.""",
    "sv": """Tåget till Uppsala går om tio minuter.
Min bror arbetar i en liten bokhandel vid hamnen.
Ingen visste varför dörren stod öppen.
Lämna ett meddelande efter tonen.""",
    "fi": """Juna saapuu asemalle kymmenen minuuttia myöhässä.
Sisareni asuu pienessä kaupungissa meren rannalla.
Kukaan ei tiennyt, miksi ovi oli auki.
Illalla tuli kylmä ja lapset menivät kotiin.""",
    "tr": """Sabah treni bugün yine geç kaldı.
Kardeşim liman yakınında küçük bir dükkanda çalışıyor.
Kapının neden açık olduğunu kimse bilmiyordu.
Akşam hava soğudu ve çocuklar eve döndü.""",
}
# shares of the languages in training
WEIGHTS = {"en": 6, "de": 2, "fr": 2, "es": 2, "it": 2, "ru": 2}


def split(language):
    """(training sentences, held-out sentences) of a language."""
    lines = SENTENCES[language].splitlines()
    keep = len(lines) * 3 // 4
    return lines[:keep], lines[keep:]


def draw(rng, language, held_out=False):
    """One text: a sentence, or words of several put together, 3 to 11 words."""
    lines = split(language)[1 if held_out else 0]
    if rng.random() < 0.4:
        return lines[rng.integers(len(lines))]
    words = [w for line in lines for w in line.replace("?", "").replace("¿", "").split()]
    chosen = rng.integers(len(words), size=rng.integers(3, 10))
    words = [words[i].strip(".,") for i in chosen]
    if len(words) > 5 and rng.random() < 0.35:
        words[len(words) // 2] += ","
    return " ".join(words) + ("?" if rng.random() < 0.15 else ".")


def draw_language(rng):
    """A language code, by its share."""
    names = list(SENTENCES)
    p = [WEIGHTS.get(n, 1) for n in names]
    return names[rng.choice(len(names), p=[x / sum(p) for x in p])]
