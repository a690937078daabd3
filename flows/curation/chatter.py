"""Find what an assistant says about its task: that it declines, that it is eager, and remains of prompt and reply.

Writing *about* such things is sound: a refusal or an eager answer counts at the very beginning of a text alone, an
apology only together with what an assistant declines to do, and the key of a reply only where JSON would have it.
"""

import re
from collections.abc import Mapping

HEAD = 240
"""Characters in which an answer shows that it is none."""

PLAIN_NO = (
    r"(?:(?:(?:i'm|i am) (?:so |very |really |truly )?(?:sorry|afraid)|sorry|i apologi[sz]e)\b.{0,40}?|i )"
    r"\b(?:can't|cannot|can not|won't|am unable to|i'm unable to|am not able to|must decline to) (?:\w+ ){0,2}?"
    r"(?:(?:help|assist)(?: you)? with (?:that|this)|(?:create|generate|write|produce) (?:that|this|such|content|text)"
    r"|(?:fulfill?|comply with|complete|answer|assist with|honou?r) (?:that|this|your|such|the) (?:\w+ )?request"
    r"|provide (?:that|this|such) (?:content|information|material))"
)
APOLOGIES = {
    r"(?:es )?tut mir (?:sehr )?leid|leider|entschuldigung": (
        r"(?:dabei|damit|bei dieser (?:anfrage|bitte)) nicht (?:\w+ )?helfen|diese[rn]? (?:anfrage|bitte) nicht"
        r"|kann ich [^\n]{0,40}nicht (?:erstellen|generieren)|sprachmodell"
    ),
    r"(?:je suis )?(?:vraiment )?désolée?\b[^\n]{0,40}?ne peux pas": (
        r"(?:vous |t')?aider (?:avec|à) (?:cela|ça)|(?:cette|votre) (?:demande|requête)|(?:générer|créer) ce"
    ),
    r"(?:lo siento|lo lamento|disculpa)\b[^\n]{0,40}?no puedo": (
        r"ayudar(?:te|le)? con (?:es[oa]|est[oa])|(?:esa|esta|tu|su) (?:solicitud|petición)|generar es"
    ),
    r"(?:desculpe|sinto muito|lamento|peço desculpa)\b[^\n]{0,40}?não (?:posso|consigo)": (
        r"ajudar (?:com isso|nisso)|(?:ess[ea]|est[ea]|seu|sua) (?:pedido|solicitação)|(?:gerar|criar) (?:esse|este)"
    ),
    r"(?:mi dispiace|spiacente)\b[^\n]{0,40}?non (?:posso|sono in grado)": (
        r"aiutar(?:ti|la) con (?:quest[oa]|ciò)|(?:questa|la tua|la sua) richiesta|generare quest"
    ),
    r"(?:het )?spijt me|sorry": r"(?:daarmee|hiermee|daarbij) niet helpen|dit verzoek niet|taalmodel",
    r"(?:przykro mi|przepraszam|niestety)\b[^\n]{0,30}?nie mogę": r"w tym pomóc|pomóc w tym|tej prośby",
    r"(?:извините|простите|к сожалению|мне жаль)\b[^\n]{0,30}?не могу": (
        r"(?:вам )?(?:с этим помочь|помочь (?:вам )?с этим)|(?:этот|ваш|такой) запрос"
    ),
    r"maaf\b[^\n]{0,30}?tidak (?:dapat|bisa)": r"membantu (?:dengan )?(?:itu|ini)|permintaan (?:ini|itu|anda)",
    r"üzgünüm|maalesef": r"bu (?:konuda size|isteğ|taleb)[^\n]{0,20}(?:yardımcı olamam|yerine getiremem)|dil modeli",
    r"xin lỗi[^\n]{0,30}?không thể": r"yêu cầu (?:này|đó|của bạn)|giúp (?:bạn )?(?:với )?(?:việc|điều) (?:này|đó)",
    r"(?:很|非常)?(?:抱歉|对不起|對不起)[^\n]{0,10}?(?:无法|無法|不能)": (
        r"(?:满足|滿足|协助|協助|完成|回答|处理)(?:您|你|这|此|該)|(?:为您|为你)?(?:提供|生成)(?:此|这|该|相关)"
    ),
    r"(?:大変)?申し訳(?:ありません|ございません)|すみません|恐れ入ります": (
        r"(?:ご要望|リクエスト|ご依頼)[^\n]{0,12}(?:お応え|応じ|対応)[^\n]{0,6}(?:でき|かね)"
    ),
    r"죄송(?:합니다|하지만|해요)": r"(?:이|그|해당) 요청[^\n]{0,20}(?:없|어렵)|언어 모델",
    r"(?:عذر[اً]{1,2}|آسف|أعتذر|للأسف)[^\n]{0,20}?لا (?:أستطيع|يمكنني)": r"هذا الطلب|طلبك|مساعدتك في (?:هذا|ذلك)",
    r"متأسفم|متاسفم|ببخشید": r"(?:این درخواست|درخواست شما)[^\n]{0,30}نمی|نمی\W?توانم [^\n]{0,12}این درخواست",
    r"क्षमा करें|माफ़ कीजिए|माफ़ करें|मुझे खेद है": r"(?:इस|आपके) अनुरोध[^\n]{0,40}(?:नहीं|असमर्थ)",
}
"""Opening of an apology -> what follows where an assistant speaks, and not a guest or a clerk."""
AS_A_MODEL = (
    r"as an? (?:ai(?: language)?(?: model| assistant)?|(?:large )?language model|artificial intelligence),? (?:i|my)\b",
    r"als (?:ki|sprachmodell|künstliche intelligenz|ki-\w+),? (?:kann|habe|bin|darf|besitze) ich\b",
    r"en tant (?:que modèle de langage|qu'(?:ia|assistant ia|intelligence artificielle|modèle de langage)),? je\b",
    r"como (?:un )?(?:modelo de lenguaje|inteligencia artificial|ia),? (?:yo |no )?(?:puedo|tengo|soy)\b",
    r"como (?:um )?(?:modelo de linguagem|inteligência artificial|ia),? (?:eu |não )?(?:posso|tenho|sou)\b",
    r"come (?:modello linguistico|intelligenza artificiale|ia),? (?:io |non )?(?:posso|ho|sono)\b",
    r"как (?:языковая модель|ии-модель|искусственный интеллект|ии),? я\b",
    r"作为(?:一个|一名)?(?:ai|人工智能|大?型?语言模型)(?:助手|模型|语言模型)?[,，]?\s?我",
    r"(?:ai|言語モデル|人工知能)(?:アシスタント|モデル)?として、?私",
    r"(?:ai|인공지능|언어 모델)(?: 모델| 어시스턴트)?(?:로서|으로서) (?:저는|제가)",
)
EAGER = (
    r"(?:sure|certainly|of course|absolutely)(?: thing)?\W{1,3}(?:here(?:'s| is| are)|below (?:is|are))\b",
    r"(?:klar|natürlich|gerne?|sicher)\W{1,3}hier (?:ist|sind)\b",
    r"¡?(?:claro|por supuesto)(?: que sí)?\W{1,4}aquí (?:está|tienes|tiene|te)\b",
    r"bien sûr\W{1,4}voici\b",
    r"(?:claro|com certeza)\W{1,3}aqui (?:está|estão|vai)\b",
    r"(?:certo|certamente)\W{1,3}ecco\b",
    r"(?:natuurlijk|zeker)\W{1,3}hier (?:is|zijn)\b",
    r"(?:oczywiście|jasne)\W{1,3}oto\b",
    r"конечно\W{1,3}вот\b",
    r"tentu(?: saja)?\W{1,3}berikut\b",
    r"(?:elbette|tabii(?: ki)?)\W{1,3}işte\b",
    r"(?:当然|好的|當然)(?:可以)?[,，!！。]{1,2}\s?(?:以下|这是|下面|這是)",
    r"(?:もちろん(?:です)?|承知しました|はい)[、。!！]{1,2}\s?以下",
    r"(?:물론(?:입니다|이죠)?|네)[,.!]{1,2} (?:다음은|아래는|여기)",
)
"""Openings of an eager answer; they count when they introduce something: their line ends with a colon."""
KEYS = r"user[_ ]query|positive[_ ]document|hard[_ ]negative(?:[_ ]document)?|misleading[_ ]label|input[_ ]text"
"""Keys of replies; `user_query` and `input_text` are also names in many a program."""

REFUSAL = re.compile(
    r"\W*(?:"
    + "|".join(
        [PLAIN_NO, *AS_A_MODEL, *(rf"(?:{start})[^\n]{{0,120}}?(?:{rest})" for start, rest in APOLOGIES.items())]
    )
    + ")"
)
CHATTER = re.compile(
    rf"\W*(?:(?:{'|'.join(EAGER)})[^\n]{{0,160}}?[:：]\s*(?:\n|$)"
    r"|(?:\w+\W{1,3})?(?:here(?:'s| is| are)|below (?:is|are)) (?:the|an?|your) (?:\w+ )?"
    r"(?:json\b|training example|hard negative|positive document|user query|synthetic \w+|generated \w+)"
    rf"|(?:{KEYS})\W{{0,3}}:|json\s*\{{|<\|\w+\|>|\[/?inst\]|</?think>)"
)
LEAK = re.compile(
    rf"[\"'](?:{KEYS})[\"']\s*:|\b(?:positive_document|hard_negative_document|misleading_label)\b"
    r"|(?:<\|(?:im_end|im_start|endoftext|eot_id|end)\|>|\[/?INST\]|</think>)\s*\Z"
    r"|\bword count: ?\d+(?: words)?\W*\Z",
    re.IGNORECASE,
)
LEAK_HINTS = ('":', '" :', "':", "_document", "_label", "|>", "INST]", "think>", "ord count")
"""One of these stands in every leak: a quick look before the slow one."""
BRACES = re.compile(r"\{\{ ?(\w+) ?\}\}")
TORN_ENDS = ('"}', '"\n}', '"]}')


def refusal(text: str) -> str | None:
    """Give the opening words of an answer that declines, or None."""
    found = REFUSAL.match(_head(text))
    return found.group().strip() if found else None


def leak(text: str, requested: Mapping[str, object]) -> str | None:
    """Give the piece of eagerness, of a prompt, of a reply's JSON or of a chat template in a text, or None.

    `requested` holds the prompt's variables by name, of which none may stand in double braces.
    """
    found = CHATTER.match(_head(text))
    if not found and any(hint in text for hint in LEAK_HINTS):
        found = LEAK.search(text)
    if not found and "{{" in text:
        names = {*requested, "task", "attempt", "reply"}
        found = next((braces for braces in BRACES.finditer(text) if braces.group(1) in names), None)
    if found:
        return found.group().strip()
    # the end of a JSON string whose beginning the parser took away
    return text[-20:] if text.endswith(TORN_ENDS) and "{" not in text else None


def parameters(requested: Mapping[str, object]) -> list[str]:
    """Give what leaked lines of a prompt's parameters would say, name and value: those of four words or more."""
    pairs = (f"{name} {value}".replace("_", " ") for name, value in requested.items() if isinstance(value, str | int))
    return [pair for pair in pairs if len(pair.split()) >= 4]


def _head(text: str) -> str:
    return text[:HEAD].lstrip().casefold().replace("’", "'")
