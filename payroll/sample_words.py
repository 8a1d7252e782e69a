"""Names and jobs for the sample roster; nobody in it is real."""

GIVEN_NAMES_IN_ONE = """
Aaliyah Aaron Abigail Adrian Aisha Alan Alejandra Alice Amara Andre Angela Anita Anthony Beatriz
Benjamin Brenda Brian Camila Carlos Carmen Chloe Daniel Darnell Deborah Diego Donna Dwayne Elena Elijah
Emeka Emily Esther Fatima Felix Gabriel Grace Hannah Hiro Ibrahim Ingrid Isaac Isabel Jamal James
Jasmine Javier Joan Jorge José Julia Karen Kenji Kevin Laila Latoya Lars Linda Luis Mai Marcus Maria
Martha Mateo Mei Michael Monique Nadia Nathan Ngozi Noah Noor Olga Omar Patricia Paul Priya Rachel
Rafael Rosa Ruth Samuel Sanjay Sara Scott Sofía Tamika Teresa Thomas Thuy Tyrone Valerie Victor Walter
Wei Yolanda Yusuf Zoë
"""
GIVEN_NAMES = tuple(GIVEN_NAMES_IN_ONE.split())
FAMILY_NAMES_IN_ONE = """
Abbott Adams Adeyemi Ahmed Allen Alvarez Anderson Baker Banerjee Bell Brooks Brown Campbell Carter
Castillo Chavez Chen Clark Coleman Collins Cooper Cruz Davis Delgado Diaz Edwards Eriksen Evans Fischer
Flores Foster Garcia Gomez Gonzalez Gray Green Gupta Hall Harris Hernandez Hill Howard Hughes Ivanova
Jackson Jenkins Jimenez Johnson Jones Kelly Khan Kim King Kowalski Lee Lewis Lopez Martin Martinez
Mendoza Miller Mitchell Moore Morales Morgan Muñoz Murphy Myers Nakamura Nelson Nguyen Novak Núñez
O'Brien O'Connor Okafor Ortiz Park Parker Patel Perez Peterson Phillips Powell Price Ramirez Reed Reyes
Rivera Robinson Rodriguez Rogers Ross Ruiz Russell Sanchez Sanders Scott Silva Singh Smith Stewart
Sullivan Taylor Thomas Thompson Torres Tran Turner Vargas Walker Ward Washington Watson White Williams
Wilson Wood Wright Yang Young Zhang
"""
FAMILY_NAMES = tuple(FAMILY_NAMES_IN_ONE.split())
# trade -> (title, lowest, highest) of hourly and of salaried jobs; dollars per hour and per year
Job = tuple[str, int, int]
JOBS: dict[str, tuple[tuple[Job, ...], tuple[Job, ...]]] = {
    "freight": (
        (
            ("Truck driver", 24, 38),
            ("Dock worker", 18, 25),
            ("Forklift operator", 19, 27),
            ("Mechanic", 26, 42),
        ),
        (("Dispatcher", 52_000, 74_000), ("Terminal lead", 78_000, 118_000), ("Accountant", 60_000, 92_000)),
    ),
    "food": (
        (("Line worker", 16, 22), ("Baker", 17, 26), ("Packer", 16, 20), ("Machine operator", 20, 29)),
        (("Shift lead", 54_000, 72_000), ("Food safety auditor", 62_000, 90_000), ("Buyer", 58_000, 84_000)),
    ),
    "health": (
        (("Medical assistant", 18, 25), ("Licensed practical nurse", 26, 36), ("Receptionist", 16, 22)),
        (("Registered nurse", 72_000, 108_000), ("Physician", 220_000, 390_000), ("Biller", 46_000, 62_000)),
    ),
    "office": (
        (("Clerk", 18, 26), ("Mail room clerk", 17, 22)),
        (
            ("Underwriter", 66_000, 120_000),
            ("Actuary", 110_000, 210_000),
            ("Claims adjuster", 56_000, 88_000),
        ),
    ),
    "building": (
        (("Laborer", 18, 26), ("Carpenter", 25, 41), ("Electrician", 30, 48), ("Crane operator", 32, 47)),
        (("Estimator", 68_000, 98_000), ("Site engineer", 82_000, 126_000)),
    ),
    "machine": (
        (("Machinist", 24, 39), ("Welder", 22, 36), ("Assembler", 18, 25)),
        (("Design engineer", 78_000, 124_000), ("Planner", 60_000, 86_000)),
    ),
    "software": (
        (("Support technician", 22, 32),),
        (("Software engineer", 96_000, 198_000), ("Designer", 82_000, 142_000), ("Analyst", 74_000, 118_000)),
    ),
    "hotel": (
        (("Housekeeper", 16, 19), ("Cook", 17, 24), ("Front desk clerk", 16, 21), ("Bartender", 16, 20)),
        (("General lead", 62_000, 88_000),),
    ),
    "school": (
        (("Accompanist", 24, 38), ("Custodian", 17, 23)),
        (("Music teacher", 48_000, 76_000), ("Registrar", 44_000, 58_000)),
    ),
}
