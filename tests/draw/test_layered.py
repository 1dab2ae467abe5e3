"""What a layout looks like beyond being right: straight main lines, centred branches, skips at the side."""

from cnndsl.draw.layout.layered import BoxGroup, Placement, Size, place
from cnndsl.draw.layout.routing import Net, ports, tracks

BOX = Size(100, 40)


def middles(found: Placement) -> list[float]:
    return [x + 50 for x, _ in found.positions]


def tops(found: Placement) -> list[float]:
    return [y for _, y in found.positions]


def test_nothing_and_one() -> None:
    assert place([], []).positions == ()
    alone = place([BOX], [])
    assert (alone.width, alone.height) == (100, 40)


def test_a_chain_is_one_straight_line() -> None:
    sizes = [Size(60, 20), Size(101, 40), Size(30, 10), Size(80, 20)]
    found = place(sizes, [(0, 1), (1, 2), (2, 3)])
    assert len({route[0][0] for route in found.routes}) == 1
    assert all(len(route) == 2 for route in found.routes)
    assert tops(found) == sorted(tops(found))


def test_a_skip_runs_beside_the_main_line() -> None:
    found = place([BOX] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert len(set(middles(found))) == 1
    skip = found.routes[3]
    assert max(x for x, _ in skip) > 100
    assert [len(route) for route in found.routes] == [2, 2, 2, 6]


def test_branches_stand_around_what_joins_them() -> None:
    found = place([BOX] * 5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])
    first, left, middle, right, last = middles(found)
    assert left < middle < right
    assert first == middle == last
    assert middle - left == right - middle
    two = place([BOX] * 4, [(0, 1), (0, 2), (1, 3), (2, 3)])
    first, left, right, last = middles(two)
    assert first == last == (left + right) / 2


def test_what_stands_in_a_skip_stands_at_its_end() -> None:
    found = place([BOX] * 6, [(0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (3, 5)])
    assert tops(found)[4] == tops(found)[3]


def test_to_the_right() -> None:
    sizes = [Size(30, 80, (20, 12)), Size(50, 60), Size(30, 80)]
    found = place(sizes, [(0, 1), (1, 2), (0, 2)], "right")
    xs = [x for x, _ in found.positions]
    assert xs == sorted(xs)
    assert all(route[0][0] < route[-1][0] for route in found.routes)
    assert found.width > found.height


def test_same_input_same_layout() -> None:
    edges = [(source, target) for target in range(12) for source in range(target) if (source * 7 + target) % 3 == 0]
    assert place([BOX] * 12, edges) == place([BOX] * 12, edges)


def test_a_group_has_room_for_its_title() -> None:
    found = place([Size(20, 20)] * 3, [(0, 1), (1, 2)], groups=[BoxGroup(1, 2, (150, 20))])
    (frame,) = found.frames
    assert frame.width > 150
    assert found.positions[1][1] >= frame.y + 20
    entering = found.routes[0][-1][0]
    assert entering - frame.x > 150, "the title stands on the left of the line that enters"


def test_a_label_widens_the_place_of_its_box() -> None:
    edges = [(0, 1), (0, 2), (1, 3), (2, 3)]
    plain = place([BOX] * 4, edges)
    labelled = place([Size(100, 40, (120, 12))] * 4, edges)
    assert middles(labelled)[2] - middles(labelled)[1] > middles(plain)[2] - middles(plain)[1]


def test_nets_that_turn_the_same_way_do_not_cross() -> None:
    found, levels = tracks({1: Net.of(0, [40]), 2: Net.of(20, [60])})
    assert levels == 2
    assert found[1].level > found[2].level


def test_nets_apart_share_a_level() -> None:
    found, levels = tracks({1: Net.of(0, [20]), 2: Net.of(50, [80]), 3: Net.of(100, [100])})
    assert levels == 1
    assert set(found) == {1, 2}


def test_nets_that_change_places_make_a_detour() -> None:
    found, levels = tracks({1: Net.of(0, [30]), 2: Net.of(30, [0])})
    (broken,) = (net for net, track in found.items() if track.lower is not None)
    other = found[3 - broken]
    track = found[broken]
    assert track.lower is not None
    assert track.level < other.level < track.lower < levels
    assert track.detour not in (0, 30)


def test_ports_lie_inside_the_border() -> None:
    for width in (4, 9, 40, 200):
        for count in range(1, 30):
            for main in (None, 0, count // 2, count - 1):
                found = ports(width, count, main)
                assert found == sorted(set(found))
                assert found[0] >= 0
                assert found[-1] <= width
                if main is not None:
                    assert found[main] == width // 2
