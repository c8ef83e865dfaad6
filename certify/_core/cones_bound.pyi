from certify.arrays import Floats

def bound_alone(
    v: Floats,
    walls: Floats,
    numbers: Floats,
    plus_rows: Floats,
    minus_rows: Floats,
    dual_scale: Floats,
    radius: float,
    mass: float,
    enough: float,
    hopeless: float,
) -> tuple[float, Floats, Floats, float]: ...
