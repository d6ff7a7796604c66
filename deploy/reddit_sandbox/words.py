"""The vocabulary: themes with their communities, and words for names and texts."""

from typing import NamedTuple


class Theme(NamedTuple):
    """One field of interest. Communities of a theme choose most of their authors from one pool."""

    keyword: str
    communities: tuple[str, ...]
    things: tuple[str, ...]
    doings: tuple[str, ...]


def _theme(keyword: str, communities: str, things: str, doings: str) -> Theme:
    return Theme(keyword, tuple(communities.split()), tuple(things.split()), tuple(doings.split()))


THEMES: tuple[Theme, ...] = (
    _theme(
        "pottery",
        "Pottery RakuFiring KilnTalk GlazeRecipes HandBuilding WheelThrowing CeramicMugs "
        "ClayBodies StudioShelves PorcelainLab",
        "kiln glaze mug bowl teapot slip clay bisque cone trimming-tool wheel crack handle",
        "throwing trimming glazing firing wedging centering carving stamping packing",
    ),
    _theme(
        "garden",
        "GardenBeds SeedSwapping TomatoGrowers CompostHeap RosePruners BalconyGarden "
        "SoilScience FruitTrees WinterVeg PondKeepers",
        "seedling compost trellis tomato mulch aphid hedge bulb rootball polytunnel hoe pond",
        "sowing pruning watering mulching grafting weeding repotting digging staking",
    ),
    _theme(
        "astronomy",
        "BackyardAstronomy TelescopeMakers LunarAtlas MeteorWatch DarkSkySites NebulaHunters "
        "EclipseChasers PlanetSketches StarParty RadioSky",
        "refractor eyepiece mount nebula comet moon cluster mirror finder filter guider galaxy",
        "observing collimating stacking sketching guiding imaging polishing aligning tracking",
    ),
    _theme(
        "boardgame",
        "BoardgameTable ChessPuzzles GoBeginners DiceTower CardDrafting WargameMinis "
        "SoloGamers PrototypePlay TilePlacement CoopNights",
        "opening token meeple rulebook deck board draft puzzle endgame insert die scenario",
        "drafting bluffing teaching shuffling painting scoring playtesting sorting sleeving",
    ),
    _theme(
        "cycling",
        "CyclingCommute GravelRides WheelBuilding FixieGarage TouringBikes BikeFit "
        "HillClimbers CargoBikes VintageFrames NightRides",
        "derailleur saddle chain spoke pannier tyre crank headset rim frame pedal light",
        "commuting climbing truing lubing touring sprinting bleeding packing wrapping",
    ),
    _theme(
        "baking",
        "BakingBench SourdoughLog PieCrusts PastryFailures FlourMills CrumbShots "
        "BagelBoard CakeLayers OvenSpring RyeBread",
        "starter crumb loaf crust croissant flour oven banneton lamination scone sponge tin",
        "proofing folding scoring baking kneading laminating shaping feeding cooling",
    ),
    _theme(
        "birding",
        "BirdingNotes FeederCam WarblerWatch OwlPellets CoastalBirds NestBoxes "
        "BirdSong MigrationMaps GullFans PatchListing",
        "warbler feeder owl scope lifer nest plover gull heron hide checklist recording",
        "spotting counting ringing recording listing feeding sketching scanning waiting",
    ),
    _theme(
        "wood",
        "Woodturners HandPlanes Dovetails WoodFinishes SpoonCarving GreenWood "
        "WorkshopLayout WoodenBoats ChairMakers ScrapProjects",
        "chisel plane dovetail bench lathe clamp veneer burl tenon mallet rasp finish",
        "planing carving sharpening turning sanding oiling joining steaming clamping",
    ),
    _theme(
        "sailing",
        "SailingLog DinghyRacing KnotTying TideTables SingleHanded BoatRepair "
        "CoastalPilots RiggingLoft AnchorWatch TrailerSailors",
        "jib halyard tiller anchor keel spinnaker winch chart knot hull mooring tide",
        "reefing tacking splicing anchoring trimming scraping navigating racing mooring",
    ),
    _theme(
        "synth",
        "SynthPatches ModularRacks DrumMachines TapeLoops FieldRecording DIYPedals "
        "ChipTunes AmbientSets MixingDesk KeyboardRepair",
        "oscillator filter envelope patch sequencer pedal loop mixer module key sample cable",
        "patching sampling looping soldering mixing sequencing recording detuning filtering",
    ),
    _theme(
        "knit",
        "KnitAlong SockKnitters YarnStash LaceCharts CableKnits CrochetCorner "
        "SweaterMath SpindleSpinning DyePots MendingPile",
        "yarn sock cable needle skein pattern sleeve cardigan gauge swatch chart button",
        "casting-on blocking frogging seaming charting dyeing spinning mending swatching",
    ),
    _theme(
        "trail",
        "TrailMaps Ultralight HutToHut CampKitchen WinterWalks PeakLists "
        "BootRepair LongTrails MapReading RiverCrossings",
        "tent ridge stove boot pole map pass hut blister quilt creek summit",
        "hiking camping scrambling packing navigating resting fording filtering cooking",
    ),
)

_ADJECTIVES = (
    "quiet brisk amber rusty hollow clever sunny frosty gentle crooked velvet copper dusty "
    "eager fuzzy grumpy humble icy jolly keen lanky mellow nimble odd patient quick rapid "
    "silver tiny upbeat vivid wary young zesty bright calm deep early faded golden hasty "
    "inland jagged lone misty noble olive plain royal salty tall"
)
ADJECTIVES = tuple(_ADJECTIVES.split())
_CREATURES = (
    "heron badger otter lynx newt finch marten stoat raven wren tapir gecko moose bison "
    "crane dingo egret ferret gull hare ibis jackal koala lemur mole narwhal ocelot puffin "
    "quail robin shrew toad urchin viper walrus yak zebra beetle cricket mantis moth snail "
    "trout perch tench carp pike eel"
)
CREATURES = tuple(_CREATURES.split())
TITLES = (
    "My {n}. attempt at {doing} a {thing}",
    "Is my {thing} beyond saving?",
    "Finally finished {doing} this {thing}",
    "What changed your mind about {doing}?",
    "A {adj} {thing} for a {adj2} weekend",
    "Beginner question about {doing} with a {thing}",
    "{doing} at 6 a.m.: notes after {n} weeks",
    "Show me your {adj} {thing}",
    "The {thing} that taught me {doing}",
    "Weekly thread: {doing}, {thing} and everything else",
    "How do you store a {thing} & keep it {adj}?",
    "PSA: do not start {doing} before you read this",
    "Found this {adj} {thing} at a flea market",
    "{n} lessons from a year of {doing}",
)
SENTENCES = (
    "I have been {doing} for {n} years and the {thing} still surprises me.",
    "The {adj} one is better than it looks.",
    "Try {doing} slower; a {thing} wants patience.",
    "Mine lasted {n} days < a week, then it broke.",
    "You want a {adj} {thing}, not a {adj2} one.",
    "I would not bother with the {thing} until you can do it without looking.",
    "That is a fine piece of {doing}.",
    "Has anyone measured this, or do we all repeat it?",
    "Mark the {thing} first, then {doing} becomes easy.",
    "Thanks, this saved my {adj} {thing}.",
    "Same here, about {n} times in a row.",
    "A friend said that {doing} & resting are half of it.",
    "It depends on the {thing}; post a picture.",
)
