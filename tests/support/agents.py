"""Tools, prompts and the expected conversation for tests of agents."""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from tests.support.ways import Way, collect


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


@tool
def get_population(city: str) -> str:
    """Tell how many people live in a city."""
    return f"Many in {city}."


class CityReport(BaseModel):
    """What a traveller wants to know."""

    summary: str
    days: int


TOOLS = [get_weather, get_population]
TWO_CALL_PROMPT = (
    "Ask get_weather and get_population, then write a CityReport. The city: Hangzhou, the summary: lovely, the days: 3."
)
ONE_CALL_PROMPT = "Use get_weather for Hangzhou."


def user_says(prompt: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(prompt)]}


async def run_agent(agent: Any, way: Way, prompt: str = TWO_CALL_PROMPT) -> dict[str, Any]:
    """Return an agent's last state, called in the given way."""
    state: dict[str, Any]
    match way:
        case "invoke":
            state = agent.invoke(user_says(prompt))
        case "ainvoke":
            state = await agent.ainvoke(user_says(prompt))
        case "stream":
            *_, state = agent.stream(user_says(prompt), stream_mode="values")
        case "astream":
            *_, state = await collect(agent.astream(user_says(prompt), stream_mode="values"))
    return state


def turn_of(message: BaseMessage) -> tuple[str, str, list[tuple[str, Any]]]:
    """Return a message's role, its text, and the names and arguments of its tool calls."""
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return message.type, message.text, [(call["name"], call["args"]) for call in calls]


TWO_CALL_TURNS = [
    ("human", TWO_CALL_PROMPT, []),
    ("ai", "", [("get_weather", {"city": "Hangzhou"})]),
    ("tool", "Sunny in Hangzhou.", []),
    ("ai", "", [("get_population", {"city": "Hangzhou"})]),
    ("tool", "Many in Hangzhou.", []),
]
ONE_CALL_TURNS = [
    ("human", ONE_CALL_PROMPT, []),
    ("ai", "", [("get_weather", {"city": "Hangzhou"})]),
    ("tool", "Sunny in Hangzhou.", []),
    ("ai", 'Model Studio sandbox, not a language model. The tool answered: "Sunny in Hangzhou."', []),
]
