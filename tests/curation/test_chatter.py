import pytest

from flows.curation.chatter import leak, parameters, refusal

REQUESTED = {"query_length": "less than 5 words", "clarity": "clear", "num_words": 300, "query_type": "long-tail"}


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m really sorry, but I cannot fulfill this request.",
        "Sorry, I am unable to generate that text for you.",
        "I cannot provide that information.",
        "As an AI language model, I do not have opinions.",
        "Es tut mir leid, aber dabei kann ich nicht helfen. Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Je suis désolé, mais je ne peux pas répondre à cette demande.",
        "En tant que modèle de langage, je n'ai pas d'avis.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Desculpe, mas não posso atender a esse pedido.",
        "Mi dispiace, ma non posso soddisfare questa richiesta.",
        "Het spijt me, maar ik kan dit verzoek niet uitvoeren.",
        "Przykro mi, ale nie mogę spełnić tej prośby.",
        "Извините, но я не могу выполнить этот запрос.",
        "Maaf, saya tidak dapat memenuhi permintaan ini.",
        "Üzgünüm, bu isteğinizi yerine getiremem.",
        "Xin lỗi, tôi không thể thực hiện yêu cầu này.",
        "很抱歉，我无法满足您的要求。",
        "作为一个人工智能语言模型，我没有个人观点。",
        "申し訳ありませんが、そのご要望にはお応えできません。",
        "죄송하지만 이 요청에는 응할 수 없습니다.",
        "عذرًا، لا أستطيع تنفيذ هذا الطلب.",
        "متأسفم، نمی‌توانم به این درخواست پاسخ دهم.",
        "क्षमा करें, मैं इस अनुरोध को पूरा नहीं कर सकता।",
    ],
)
def test_an_answer_that_declines_is_a_refusal(text):
    assert refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't come to the meeting tomorrow.",
        "I'm sorry, but I can't find the settings page; could you help with this?",
        "I can't log in, can someone help with this?",
        "I cannot open the request form in the app.",
        "Sorry I missed your call, the battery was dead.",
        "When a chatbot says “I'm sorry, but I can't help with that”, a classifier has fired.",
        "Models often answer: As an AI language model, I cannot do that.",
        "As an AI engineer, I build chatbots.",
        "As an artist I cannot complete the request of every client.",
        "Es tut mir leid, aber ich kann morgen nicht kommen.",
        "Leider ist die Brücke bis zum Herbst gesperrt.",
        "Lo siento, ¿cómo puedo generar una factura?",
        "Disculpa, ¿dónde presento esta solicitud?",
        "Como modelo de lenguaje, GPT-2 fue entrenado con páginas web.",
        "Désolé pour le retard, le train était bloqué par la neige.",
        "Sinto muito pela demora; o boleto será gerado amanhã.",
        "К сожалению, старый мост закрыт до осени.",
        "抱歉，我今天不能参加会议。",
        "申し訳ありませんが、明日は休業いたします。",
        "죄송하지만 내일은 갈 수 없습니다.",
        "लेखक को खेद है कि वह समय पर नहीं पहुँच सका।",
        "",
    ],
)
def test_regret_and_writing_about_refusals_are_sound(text):
    assert refusal(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Sure, here is a passage about pumps:\n\nThe pump needs care.",
        "Certainly! Here are two sentences in German:\nDas Boot liegt im Hafen.",
        "Natürlich! Hier ist der Text:\nDas Boot liegt im Hafen.",
        "当然，以下是一段文字：\n老桥已经关闭。",
        "Here is the JSON you asked for: the pump needs care.",
        "Here's a hard negative document about pumps.",
        "Hard negative document: The anchor locker drains overboard.",
        "**User query:** how often",
        '"user_query": "how often", "positive_document": "every month',
        "The hard_negative_document shares words with the query.",
        "Check the {{ clarity }} pump.",
        "Check the pump every month.<|im_end|>",
        "<think> The user wants a query. </think> pump",
        "[INST] write a query [/INST]",
        'Check the pump every month."}',
        'json {"query": "pump"}',
        "Check the pump every month. (Word count: 312)",
    ],
)
def test_remains_of_prompt_and_reply_are_leaks(text):
    assert leak(text, REQUESTED)


@pytest.mark.parametrize(
    "text",
    [
        "Sure, the pump can wait until spring.",
        "Of course the boat was late: nobody had filled the tank.",
        "Here are the three best bakeries of the island.",
        "Here is the document that the court had asked for.",
        "Natürlich ist hier alles teurer als auf dem Land.",
        "user_query = request.args['q']  # what the visitor typed",
        "A hard negative is a document that looks relevant but is not.",
        "Add the {{ cart.total }} placeholder to the Vue template.",
        "run: echo ${{ secrets.TOKEN }}",
        '{"name": "pump", "price": 3}',
        'const label = {"a": 1, "b": {"c": "d"}};',
        "The tokenizer adds <|im_end|> after each message.",
        "Essays shorter than the required word count: 300 words lose marks.",
        "Query: what an index is asked. Document: what it answers with.",
        "clear",
        "",
    ],
)
def test_code_templates_and_plain_words_are_no_leaks(text):
    assert leak(text, REQUESTED) is None


def test_parameters_are_told_by_name_and_value_of_four_words_or_more():
    assert parameters(REQUESTED) == ["query length less than 5 words"]
    assert parameters({"words": {"query": [1, 4]}, "labels": True}) == []
